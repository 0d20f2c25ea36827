"""Large batches and bank files: built, sent, looked at and booked by the worker, begun again where a worker died."""

from __future__ import annotations

from typing import Any

from zhaoliang.kernel.jobs.declaring import job
from zhaoliang.kernel.jobs.reporting import Run
from zhaoliang.kernel.roles import Place
from zhaoliang.payments.models import BankUpload
from zhaoliang.payments.selectors import booked_upload
from zhaoliang.payments.services.batches import OFFICER, build_batch, send_batch
from zhaoliang.payments.services.statements import (
    IMPORTERS,
    import_return,
    import_statement,
    preview,
    upload_content,
)

# Files and batches of up to so many rows are worked on while somebody waits: a second or two.
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


@job("payments.build_many", label="编制大批次", grants=OFFICER)
def build_many(run: Run) -> dict[str, Any]:
    """A batch of what waits in the place, in one transaction: all of it or, where the worker died or was stopped, nothing."""
    given: dict[str, Any] = {"actor": run.actor, "at": run.at, "key": run.key}
    return {"batch": build_batch(**given, place=run.subject, fund_source=run.parameters["fund_source"]).pk}


@job("payments.send_many", label="大批次送银行", grants=OFFICER)
def send_many(run: Run) -> dict[str, Any]:
    """The bank's file fixed and its batch counted as sent, once: what was stopped half way has not left."""
    send_batch(actor=run.actor, at=run.at, key=run.key, batch=run.subject, file_kind=run.parameters["file_kind"])
    return {}
