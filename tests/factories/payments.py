"""Payment batches at each stage, made through the services."""

from __future__ import annotations

from factories.subsidies import APPROVED, Case
from zhaoliang.kernel.roles import system_actor
from zhaoliang.payments import services
from zhaoliang.payments.models import BankReturn, PaymentBatch


def built(made: Case) -> PaymentBatch:
    """A batch of everything approved in the case's region."""
    fund = made.training_class.project.fund_source
    return services.build_batch(actor=made.officer, at=APPROVED, place=made.place, fund_source=fund)


def authorised(made: Case) -> PaymentBatch:
    """A batch sealed by one person and authorised by another."""
    batch = services.seal_batch(actor=made.officer, at=APPROVED, batch=built(made))
    return services.authorise_batch(actor=made.finance, at=APPROVED, batch=batch)


def sent(made: Case) -> PaymentBatch:
    """A batch at the bank."""
    return services.send_batch(actor=made.officer, at=APPROVED, batch=authorised(made))


def answered(made: Case, batch: PaymentBatch, content: bytes, file_name: str = "回单.xlsx") -> BankReturn:
    """The bank's answer imported by the clock."""
    return services.import_return(actor=system_actor(), at=APPROVED, batch=batch, file_name=file_name, content=content)
