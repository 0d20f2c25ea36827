"""Model fields of the kernel."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import FieldError
from django.db import models
from django.db.models.lookups import IsNull

from zhaoliang.kernel import crypto


class EncryptedTextField(models.BinaryField):
    """Text stored encrypted (`kernel.crypto`), bound to its model and field; plain text in Python.

    It cannot be searched or compared in the database, except for being null: look people up by a keyed hash in a column
    beside it.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", True)
        super().__init__(*args, **kwargs)

    @property
    def context(self) -> str:
        """What the ciphertext is bound to: moved into another column it no longer opens."""
        return f"{self.model._meta.label}.{self.attname}"

    def get_prep_value(self, value: Any) -> bytes | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise TypeError(f"{self.context} takes text, not {type(value).__name__}")
        return crypto.encrypt(value, context=self.context)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> str | None:
        return None if value is None else crypto.decrypt(bytes(value), context=self.context)

    def to_python(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def get_default(self) -> Any:
        default = super().get_default()
        return "" if default == b"" else default

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.context} is encrypted: search by its keyed hash instead")
        return IsNull

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.context} is encrypted: search by its keyed hash instead")

    def value_to_string(self, obj: models.Model) -> str:
        raise FieldError(f"{self.context} is encrypted and is not serialised")
