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


class KeyedHashField(models.BinaryField):
    """The keyed hash of another field of the row, kept in step by itself: equal values can be found, none can be read.

    Null where the other field is empty. A save with `update_fields` names both fields.
    """

    def __init__(self, *args: Any, source: str, purpose: str, **kwargs: Any) -> None:
        self.source, self.purpose = source, purpose
        kwargs |= {"null": True, "editable": False}
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs | {"source": self.source, "purpose": self.purpose}

    def pre_save(self, model_instance: models.Model, add: bool) -> bytes | None:
        plain = getattr(model_instance, self.source)
        if plain is not None and not isinstance(plain, str):
            raise TypeError(f"{self.source}: text is hashed, not {type(plain).__name__}")
        made = crypto.keyed_hash(plain, purpose=self.purpose) if plain else None
        setattr(model_instance, self.attname, made)
        return made
