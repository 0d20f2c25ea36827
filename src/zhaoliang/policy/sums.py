"""Reading the amounts of a policy file: base, steps, instalments, rounding and who is paid."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any, Literal, cast

from zhaoliang.policy.expressions import Case, Constant, Node, Operation
from zhaoliang.policy.model import Advance, Amount, Clawback, Deduction, Instalments, RecordedDecision, Step
from zhaoliang.policy.reading import Reading, reads_residence
from zhaoliang.policy.units import BOOL, PAYEE, number

FEN = number("fen")
RATIO = number("ratio")
# To pay somebody nothing, or less, for where they live is the same as to refuse them (人社部函〔2021〕14号 七).
BY_RESIDENCE = (
    "金额以户籍或所在地为条件，与人社部函〔2021〕14号第七条不一致；确有本地决定的，"
    "写 decision: {by, number, on, text}（谁、文号、日期、所依据的本地条文），否则删去这个条件"
)
OPERATIONS = ("times", "add", "at_most", "at_least")


def read_amount(reading: Reading, name: str, entry: dict[str, Any]) -> Amount:
    """An amount in fen with its steps, each with its clause."""
    path = ("amounts", name)
    pay, rounding = entry.get("pay_to"), entry.get("round", {})
    parts = entry.get("instalments")
    made = Amount(
        id=name,
        scheme=reading.scheme(entry["scheme"], *path, "scheme"),
        says=entry["says"],
        when=reading.condition(entry.get("when"), *path, "when"),
        base=reading.compile(entry["base"], FEN, *path, "base"),
        base_source=str(entry["base"]),
        steps=tuple(
            step
            for place, written in enumerate(entry.get("steps", ()))
            for step in _steps(reading, written, *path, "steps", place)
        ),
        rounding=rounding.get("mode", "half_up"),
        step_fen=rounding.get("to_fen", 1),
        pay_to=reading.compile(pay["to"], PAYEE, *path, "pay_to", "to") if pay else None,
        pay_cite=reading.cite(pay["cite"], *path, "pay_to", "cite") if pay else "",
        cite=reading.cite(entry["cite"], *path, "cite"),
        instalments=_instalments(reading, parts, *path, "instalments") if parts else None,
        decision=RecordedDecision(**entry["decision"]) if "decision" in entry else None,
    )
    if made.decision is None and reads_residence(reading.facts, *made.nodes) and not reading.tree.accepted:
        reading.fault(BY_RESIDENCE, *path)
    return made


def _steps(reading: Reading, entry: dict[str, Any], *path: str | int) -> Iterator[Step]:
    """A written step: one, or for uplifts on one another one each."""
    if "uplifts" not in entry:
        yield _step(reading, entry, *path)
        return
    when = reading.condition(entry.get("when"), *path, "when")
    cite = reading.cite(entry["cite"], *path, "cite")
    parts = [_uplift(reading, one, *path, "uplifts", place) for place, one in enumerate(entry["uplifts"])]
    stack = entry.get("stack", "sum")
    if stack == "product":
        for one, by, own, clause in parts:
            both = Operation(BOOL, "and", (when, own)) if when is not None and own is not None else when or own
            yield Step(one["label"], "times", _and_more(by), both, f"1 + ({one['by']})", clause)
        return
    cases = [by if own is None else Case(RATIO, ((own, by),), Constant(RATIO, 0)) for _, by, own, _ in parts]
    if stack == "highest" and len(cases) > 1:
        whole: Node = Operation(RATIO, "greatest", tuple(cases))
    else:
        whole = reduce(lambda left, right: Operation(RATIO, "+", (left, right)), cases)
    written = [f"{one['label']} {one['by']}" for one, *_ in parts]
    source = f"1 + {'最高的一项' if stack == 'highest' else ''}（{'，'.join(written)}）"
    also = tuple(dict.fromkeys(clause for *_, clause in parts if clause != cite))
    yield Step(entry["label"], "times", _and_more(whole), when, source, cite, also)


def _uplift(reading: Reading, entry: dict[str, Any], *path: str | int) -> tuple[dict[str, Any], Node, Node | None, str]:
    by = reading.compile(entry["by"], RATIO, *path, "by")
    when = reading.condition(entry.get("when"), *path, "when")
    return entry, by, when, reading.cite(entry["cite"], *path, "cite")


def _and_more(by: Node) -> Node:
    return Operation(RATIO, "+", (Constant(RATIO, 1), by))


def _step(reading: Reading, entry: dict[str, Any], *path: str | int) -> Step:
    operation = next(word for word in OPERATIONS if word in entry)
    return Step(
        entry["label"],
        cast('Literal["times", "add", "at_most", "at_least"]', operation),
        reading.compile(entry[operation], RATIO if operation == "times" else FEN, *path, operation),
        reading.condition(entry.get("when"), *path, "when"),
        str(entry[operation]),
        reading.cite(entry["cite"], *path, "cite"),
    )


def _instalments(reading: Reading, entry: dict[str, Any], *path: str | int) -> Instalments:
    advance, settlement, clawback = entry["advance"], entry["settlement"], entry.get("clawback")
    paid = reading.compile(settlement["paid"], FEN, *path, "settlement", "paid")
    source = str(settlement["paid"])
    of = advance.get("of")
    return Instalments(
        Advance(
            advance["label"],
            reading.compile(advance["share"], RATIO, *path, "advance", "share"),
            None if of is None else reading.compile(of, FEN, *path, "advance", "of"),
            str(advance["share"]) if of is None else f"{advance['share']} * ({of})",
            reading.cite(advance["cite"], *path, "advance", "cite"),
        ),
        Deduction(settlement["label"], paid, source, reading.cite(settlement["cite"], *path, "settlement", "cite")),
        Clawback(
            clawback["label"],
            reading.condition(clawback.get("when"), *path, "clawback", "when"),
            reading.cite(clawback["cite"], *path, "clawback", "cite"),
        )
        if clawback
        else None,
    )
