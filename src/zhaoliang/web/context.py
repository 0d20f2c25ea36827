"""What every page knows: whether this is the demo, and the signed-in actor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def face(request: HttpRequest) -> dict[str, Any]:
    """Template context shared by all faces."""
    return {"demo": settings.DEMO, "actor": getattr(request, "actor", None)}
