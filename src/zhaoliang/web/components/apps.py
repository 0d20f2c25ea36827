"""Django app of the design system."""

from __future__ import annotations

from django.apps import AppConfig


class ComponentsConfig(AppConfig):
    name = "zhaoliang.web.components"
    label = "components"
    verbose_name = "页面部件"
