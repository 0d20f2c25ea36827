"""Files handed in for a claim or an appeal, given back as they were."""

from __future__ import annotations

import base64

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from zhaoliang.subsidies.models import Appeal, Evidence


def download(found: Evidence | Appeal) -> HttpResponse:
    """The file as an attachment: never opened as a page of ours, whatever it holds."""
    answer = HttpResponse(base64.b64decode(found.content or ""), content_type="application/octet-stream")
    answer["Content-Disposition"] = content_disposition_header(True, found.file_name) or "attachment"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
