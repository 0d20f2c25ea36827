"""What a model's field allows and is called, for checking input before the database refuses it."""

from __future__ import annotations

from typing import Any, cast

from django.db import models


def known_values(model: type[models.Model], field: str) -> set[str]:
    """The stored values a field offers."""
    return {value for value, _ in cast(Any, model._meta.get_field(field)).choices or []}


def label_of(model: type[models.Model], field: str) -> str:
    """The Chinese name of a field."""
    return str(cast(Any, model._meta.get_field(field)).verbose_name)
