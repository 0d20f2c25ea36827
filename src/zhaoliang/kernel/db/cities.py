"""Which models carry a city key. Free of model imports, because the database backend needs it while Django starts."""

from typing import Any


def city_field(model: Any) -> Any | None:
    """Return the `city_code` key field of a model (also of a historical one in a migration), or None for other models.

    The marker sits on the field, since migrations rebuild models from their fields and drop abstract bases.
    """
    for field in model._meta.local_concrete_fields:
        if getattr(field, "is_city_key", False):
            return field
    return None
