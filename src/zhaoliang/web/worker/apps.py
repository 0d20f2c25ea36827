"""Django app of the worker's phone pages."""

from __future__ import annotations

from django.apps import AppConfig


class WorkerConfig(AppConfig):
    name = "zhaoliang.web.worker"
    label = "worker"
    verbose_name = "劳动者手机页"
