"""Large bank files: looked at and booked by the worker, with progress, begun again where a worker died."""

from __future__ import annotations

from typing import Any

from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
from zhaoliang.kernel.roles import Place
from zhaoliang.payments.models import BankUpload
from zhaoliang.payments.selectors import booked_upload
from zhaoliang.payments.services.statements import (
    IMPORTERS,
    import_return,
    import_statement,
    preview,
    upload_content,
)

# Files of up to so many rows are booked while somebody waits: a second or two.
BOOKED_AT_ONCE = 3_000


@job("payments.look_at_upload", label="核对银行文件", grants=IMPORTERS)
def look_at_upload(run: Run) -> dict[str, Any]:
    """What booking a file would do, kept for its page; nothing is booked."""
    upload: BankUpload = run.subject
    given = {"batch": upload.batch, "file_name": upload.file_name, "content": upload_content(upload), "at": run.at}
    return preview(place=Place(upload.city_code, upload.region_code), **given).as_dict()


@job("payments.book_upload", label="银行文件入账", grants=IMPORTERS)
def book_upload(run: Run) -> dict[str, Any]:
    """Book a file in one transaction: all of it or, where the worker died, nothing; a file is never booked twice."""
    upload: BankUpload = run.subject
    booked = booked_upload(upload)
    if booked is None:
        given: dict[str, Any] = {"actor": run.actor, "at": run.at, "file_name": upload.file_name}
        given["content"] = upload_content(upload)
        if upload.batch is not None:
            booked = import_return(batch=upload.batch, **given)
        else:
            booked = import_statement(place=Place(upload.city_code, upload.region_code), **given)
    return {"bank_return": booked.pk}
