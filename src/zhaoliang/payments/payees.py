"""To whose account money goes: the trainee's card, the provider's or the enterprise's account."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import organisation, organisation_by_uscc
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.subsidies.services import Owed


@dataclass(frozen=True)
class PayeeAccount:
    """Name and number of an account; `missing` says in Chinese why there is none."""

    name: str
    number: str
    missing: str = ""


def payee_finder(city_code: int) -> Callable[[Owed], PayeeAccount]:
    """A function from what is owed to the account it goes to; asks for each provider and enterprise once."""

    @cache
    def provider(pk: int) -> PayeeAccount:
        try:
            return _organisation(organisation(city_code, pk), "申领机构没有登记银行账号")
        except NotFound:
            return PayeeAccount("", "", "申领机构没有在本平台登记")

    @cache
    def enterprise(uscc: str, name: str) -> PayeeAccount:
        try:
            found = organisation_by_uscc(city_code, uscc)
        except InvalidIdentifier:
            found = None
        if found is None:
            return PayeeAccount(name, "", "所在企业没有在本平台登记")
        return _organisation(found, "所在企业没有登记银行账号")

    def find(owed: Owed) -> PayeeAccount:
        if owed.payee == "person":
            missing = "" if owed.card_number else "学员没有登记社会保障卡银行账号"
            return PayeeAccount(owed.person_name, owed.card_number, missing)
        applicant = owed.provider_id
        if applicant is not None and (owed.payee == "provider" or not owed.employer_uscc):
            return provider(applicant)
        if not owed.employer_uscc:
            return PayeeAccount(owed.employer_name, "", "这条明细没有申领机构")
        return enterprise(owed.employer_uscc, owed.employer_name)

    return find


def goes_to(owed: Owed, organisations: Mapping[int, str]) -> bool:
    """Whether the money goes to one of these organisations (id → credit code); `subsidies.services.paid_to` asks the same in SQL."""
    if owed.payee == "person":
        return False
    if owed.provider_id is not None and (owed.payee == "provider" or not owed.employer_uscc):
        return owed.provider_id in organisations
    return bool(owed.employer_uscc) and owed.employer_uscc in organisations.values()


def owed_for(line: ClaimLine, payee: str = "") -> Owed:
    """A line as payments sees it, with its person, claim and enrolment at hand; `payee` overrides the line's."""
    return Owed(
        line_id=line.pk,
        claim_id=line.claim_id,
        due_id=None,
        purpose="subsidy",
        amount_fen=line.amount_fen,
        payee=payee or line.payee,
        person_name=line.person.name,
        card_number=line.person.card_number or "",
        provider_id=line.claim.provider_id,
        employer_uscc=line.enrolment.employer_uscc if line.enrolment else "",
        employer_name=line.enrolment.employer_name if line.enrolment else "",
    )


def _organisation(found: Organisation, missing: str) -> PayeeAccount:
    number = found.account_number or ""
    return PayeeAccount(found.name, number, "" if number else missing)
