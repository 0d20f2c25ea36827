"""Payment batches at each stage, made through the services."""

from __future__ import annotations

from factories.actors import actor
from factories.subsidies import APPROVED, Case
from zhaoliang.kernel.roles import Place, Role, system_actor
from zhaoliang.payments import services
from zhaoliang.payments.models import BankReturn, PayingAccount, PaymentBatch
from zhaoliang.payments.selectors import account_in_use


def pays_from(place: Place, fund_source: str, number: str = "0302000123456789") -> PayingAccount:
    """The account in use that a place pays a fund from, entered and confirmed by two people where there is none."""
    found = account_in_use(place.city_code, place.region_code, fund_source)
    if found is not None:
        return found
    at = {"region_code": place.region_code, "city_code": place.city_code}
    entered = services.set_paying_account(
        actor=actor(Role.FUND_OFFICER, **at),
        at=APPROVED,
        place=place,
        fund_source=fund_source,
        bank_name="测试银行和平支行",
        bank_code="102110000001",
        account_name="和平区人社局 <资金户> & 专户",
        account_number=number,
    )
    return services.confirm_paying_account(
        actor=actor(Role.FINANCE, **at), at=APPROVED, account=entered, account_number=number
    )


def built(made: Case) -> PaymentBatch:
    """A batch of everything approved in the case's region, which has an account to pay it from."""
    fund = made.training_class.project.fund_source
    pays_from(made.place, fund)
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
