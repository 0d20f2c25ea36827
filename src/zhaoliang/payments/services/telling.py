"""What payees are told on the way of their money: it is in a batch, it has arrived, it came back and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Sum

from zhaoliang.kernel.db.parts import in_parts
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.money import format_yuan
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.registry.selectors import organisation_by_uscc
from zhaoliang.registry.services.notices import Message, tell
from zhaoliang.subsidies.models import PaymentDue

_SEEN = ("id", "claim_line_id", "claim_line__person_id", "amount_fen", "account_masked", "failure", "purpose")
TITLES = dict(PaymentDue.PURPOSES)
# Whom money goes to is the due's, where a line pays one.
_TO_PERSON = Q(due__isnull=True, claim_line__payee="person") | Q(due__isnull=False, due__payee="person")
_WHOM = (
    "due__payee",
    "claim_line__payee",
    "claim_line__claim__provider_id",
    "claim_line__enrolment__employer_uscc",
)


def tell_sent(batch: PaymentBatch, *, at: datetime) -> None:
    """The batch has gone to the bank: who has a line of their own hears that the money is under way, an organisation its sum."""
    rows = _own(batch.city_code, batch=batch)
    tell(
        batch.city_code,
        (
            _message(
                row, "payment_sent", "补贴已送银行", f"{_money(row)}已送银行，一般几个工作日内到账，届时再告诉您。"
            )
            for row in rows
        ),
        at=at,
    )
    _tell_sums(
        batch.city_code,
        PaymentLine.objects.filter(city_code=batch.city_code, batch=batch),
        "payment_sent",
        "补贴已送银行",
        "{number} 笔补贴共 {fen} 已送银行，一般几个工作日内到账，届时再告诉您。",
        at,
    )


def _tell_sums(city_code: int, rows: QuerySet[PaymentLine], kind: str, title: str, text: str, at: datetime) -> None:
    """Each organisation that lines go to hears their number and sum (fen) in one notice; `text` has {number}, {fen} and {failure}."""
    found = rows.filter(~_TO_PERSON).values_list(*_WHOM, "failure").annotate(number=Count("id"), fen=Sum("amount_fen"))
    sums: dict[tuple[int, str], tuple[int, int]] = {}
    for of_due, of_line, provider, uscc, failure, number, fen in found.order_by():
        paid = _organisation_paid(city_code, of_due or of_line, provider, uscc or "")
        if paid is not None:
            told = failure if "{failure}" in text else ""
            before = sums.get((paid, told), (0, 0))
            sums[paid, told] = (before[0] + number, before[1] + fen)
    tell(
        city_code,
        (
            Message(
                kind=kind,
                title=title,
                text=text.replace("{number}", str(number))
                .replace("{fen}", format_yuan(fen))
                .replace("{failure}", failure)[:300],
                organisation_id=paid,
            )
            for (paid, failure), (number, fen) in sums.items()
        ),
        at=at,
    )


def _organisation_paid(city_code: int, payee: str, provider: int | None, uscc: str) -> int | None:
    """Whose account money goes to, as `payments.payees` finds it; None where that organisation is not on the platform."""
    if provider is not None and (payee == "provider" or not uscc):
        return provider
    try:
        found = organisation_by_uscc(city_code, uscc) if uscc else None
    except InvalidIdentifier:
        found = None
    return found.pk if found is not None else None


def tell_paid(city_code: int, line_ids: Sequence[int], *, at: datetime) -> None:
    """Lines have arrived: each person hears how much and on which card; an organisation hears one sum for all of its lines."""
    rows = _own(city_code, pk__any_of=line_ids)
    tell(
        city_code,
        (
            _message(row, "payment_paid", "补贴已到账", f"{_money(row)}已到尾号 {row[4][-4:]} 的账户，请查收。")
            for row in rows
        ),
        at=at,
    )
    _tell_sums(
        city_code,
        PaymentLine.objects.filter(city_code=city_code, pk__any_of=line_ids),
        "payment_paid",
        "补贴已到账",
        "{number} 笔补贴共 {fen} 已到账，请在“到账情况”里核对。",
        at,
    )


def tell_failed(city_code: int, line_ids: Sequence[int], *, at: datetime) -> None:
    """The bank sent lines back: why, and what the payee has to do."""
    tell(
        city_code,
        (
            _message(row, "payment_failed", "补贴没有到账", _came_back(row))
            for row in _own(city_code, pk__any_of=line_ids)
        ),
        at=at,
    )
    _tell_sums(
        city_code,
        PaymentLine.objects.filter(city_code=city_code, pk__any_of=line_ids),
        "payment_failed",
        "补贴没有到账",
        "{number} 笔补贴被银行退回：{failure}。请核对并更正单位账户，更正后会再拨一次。",
        at,
    )


def tell_returned(line: PaymentLine, *, at: datetime) -> None:
    """Money that had arrived was given back by the payee's bank."""
    for row in _own(line.city_code, pk=line.pk):
        tell(line.city_code, [_message(row, "payment_returned", "补贴被银行退回", _came_back(row))], at=at)
    _tell_sums(
        line.city_code,
        PaymentLine.objects.filter(city_code=line.city_code, pk=line.pk),
        "payment_returned",
        "补贴被银行退回",
        "{number} 笔已到账的补贴共 {fen} 被银行退回：{failure}。请核对并更正单位账户，更正后会再拨一次。",
        at,
    )


def _own(city_code: int, **wanted: Any) -> Iterator[tuple[Any, ...]]:
    rows = PaymentLine.objects.filter(_TO_PERSON, city_code=city_code, **wanted)
    return in_parts(rows, *_SEEN, key="id")


def _message(row: tuple[Any, ...], kind: str, title: str, text: str) -> Message:
    return Message(kind=kind, title=title, text=text[:300], person_id=row[2], subject=("claim_line", row[1]))


def _money(row: tuple[Any, ...]) -> str:
    return f"您的{TITLES[row[6]]} {format_yuan(row[3])}"


def _came_back(row: tuple[Any, ...]) -> str:
    return f"{_money(row)}没有到账，银行说：{row[5]}。请打开这条消息更正社会保障卡银行账号，更正后会再拨一次。"
