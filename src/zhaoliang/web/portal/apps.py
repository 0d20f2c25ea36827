"""Django app of the public site."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "zhaoliang.web.portal"
    label = "portal"
    verbose_name = "公共门户"
