"""To whose account a claim line goes: the trainee's card, the provider's or the enterprise's account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import organisation_by_uscc
from zhaoliang.subsidies.models import ClaimLine


@dataclass(frozen=True)
class PayeeAccount:
    """Name and number of an account; `missing` says in Chinese why there is none."""

    name: str
    number: str
    missing: str = ""


def payee_finder(city_code: int) -> Callable[[ClaimLine], PayeeAccount]:
    """A function from line to account that asks for each enterprise once."""
    enterprises: dict[str, Organisation | None] = {}

    def enterprise(uscc: str) -> Organisation | None:
        if uscc not in enterprises:
            try:
                enterprises[uscc] = organisation_by_uscc(city_code, uscc)
            except InvalidIdentifier:
                enterprises[uscc] = None
        return enterprises[uscc]

    def find(line: ClaimLine) -> PayeeAccount:
        if line.payee == "person":
            number = line.person.card_number or ""
            return PayeeAccount(line.person.name, number, "" if number else "学员没有登记社会保障卡银行账号")
        organisation = line.claim.provider
        if organisation is not None and (line.payee == "provider" or line.enrolment is None):
            return _organisation(organisation, "申领机构没有登记银行账号")
        if line.enrolment is None:
            return PayeeAccount("", "", "这条明细没有申领机构")
        found = enterprise(line.enrolment.employer_uscc)
        if found is None:
            return PayeeAccount(line.enrolment.employer_name, "", "所在企业没有在本平台登记")
        return _organisation(found, "所在企业没有登记银行账号")

    return find


def _organisation(organisation: Organisation, missing: str) -> PayeeAccount:
    number = organisation.account_number or ""
    return PayeeAccount(organisation.name, number, "" if number else missing)
