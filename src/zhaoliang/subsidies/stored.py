"""How a decision is kept: what was known in one text, the ids it rests on, a letter a rule. Texts come from the policies.

A decision names its basis (`DecisionBasis`): the policy version and the order of facts, ids and rules. From that and the
policy texts the whole record is made again, word for word; see docs/decisions/0011.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import connection

from zhaoliang import policy
from zhaoliang.policy import PolicySet, PolicyVersionGone
from zhaoliang.policy.evaluate import plain
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.registry.selectors import sources_by_id
from zhaoliang.subsidies.facts_sql import NATIONAL, ROOTS, SLOTS

if TYPE_CHECKING:
    from zhaoliang.subsidies.models import Decision, DecisionBasis

# 先垫后补: who paid the fee himself gets the subsidy himself.
PREPAID_CITE = "cn/caishe-2023-181#5.3"
# Slots whose rows say themselves where they come from.
SAID = ("pension", "establishment", "student", "graduating", "membership", "highest", "same", "insured")

Portable = bool | int | str
Evidence = dict[str, dict[str, str | int | None]]


def unpacked(text: str, columns: Sequence[str]) -> dict[str, Portable]:
    """The known facts of a stored row text `(…)`; `columns` are `name:kind`. Dates as ISO text, fractions as `a/b`."""
    [cells] = csv.reader([text[1:-1]])
    found: dict[str, Portable] = {}
    for column, cell in zip(columns, cells, strict=True):
        name, _, kind = column.partition(":")
        if cell == "":
            continue
        if kind == "bool":
            found[name] = cell == "t"
        elif kind == "number":
            found[name] = int(cell)
        elif kind == "fraction":
            found[name] = _fraction(cell)
        else:
            found[name] = cell
    return found


def _fraction(cell: str) -> int | str:
    above, _, below = cell.partition("/")
    value = plain(Fraction(int(above), int(below)))
    return value if isinstance(value, int) else str(value)


def basis_of(city_code: int, basis_id: int) -> DecisionBasis:
    """A basis by its id; kept in memory, since it never changes."""
    return _basis(connection.settings_dict["NAME"], city_code, basis_id)


@lru_cache(maxsize=512)
def _basis(database: str, city_code: int, basis_id: int) -> DecisionBasis:
    from zhaoliang.subsidies.models import DecisionBasis

    return DecisionBasis.objects.get(city_code=city_code, pk=basis_id)


def prepare(decisions: Iterable[Decision]) -> None:
    """Read for many decisions at once what their evidence needs: a fixed number of queries whatever their number."""
    compact = [decision for decision in decisions if decision.whole_evidence is None]
    if compact:
        said = said_by(compact[0].city_code, compact)
        for decision in compact:
            decision.said = said


def evidence_of(decision: Decision) -> Evidence:
    """Where each known fact of a stored decision comes from: {"type": table, "id": row, "source": in words}."""
    ids = dict(zip(decision.basis.slots, decision.rows, strict=True))
    said = decision.said if decision.said is not None else said_by(decision.city_code, [decision])
    found: Evidence = {}
    for name in decision.facts:
        root = ROOTS.get(name)
        slot = next((slot for slot in root.slots if ids.get(slot) is not None), None) if root else None
        if root is None or slot is None:
            found[name] = {"type": "", "id": None, "source": root.source or NATIONAL if root else NATIONAL}
            if name == "certificate_kind":
                # Who failed has no certificate: the result says so.
                found[name] = {"type": SLOTS["result"], "id": ids.get("result"), "source": "考核成绩"}
            continue
        source = root.source or said.get((SLOTS[slot], ids[slot] or 0), "")
        found[name] = {"type": SLOTS[slot], "id": ids[slot], "source": source}
    return found


def said_by(city_code: int, decisions: Iterable[Decision]) -> dict[tuple[str, int], str]:
    """What the rows behind these decisions say of their own source, by table and id; three queries at most."""
    wanted: dict[str, set[int]] = {}
    for decision in decisions:
        for slot, row in zip(decision.basis.slots, decision.rows, strict=True):
            if slot in SAID and row is not None:
                wanted.setdefault(SLOTS[slot], set()).add(row)
    return sources_by_id(city_code, wanted)


def record_of(decision: Decision) -> dict[str, Any]:
    """The whole decision as `policy.Decision.to_json` gives it, with `payee`; raises PolicyVersionGone."""
    policies = policies_of(decision.basis, decision.facts)
    made = policies.decide(decision.facts, phase=decision.basis.phase)
    found = policies.payee(decision.facts)
    cited = str(found.citation) if found is not None else ""
    if found is None or found.code != decision.payee:
        cited = str(lawbook().citation(PREPAID_CITE)) if decision.payee == "person" else ""
    return made.to_json() | {"payee": {"to": decision.payee, "citation": cited}}


def policies_of(basis: DecisionBasis, facts: Mapping[str, Portable]) -> PolicySet:
    """The texts a decision was made by, as on its day. Raises PolicyVersionGone when they are no longer there."""
    return _policies(basis.policy_version, date.fromisoformat(str(facts["class_start"])))


@lru_cache(maxsize=512)
def _policies(version: str, on: date) -> PolicySet:
    place, _, rest = version.partition("/")
    policies = lawbook().for_place(int(place), rest.partition("@")[0], on)
    if policies.version != version:
        raise PolicyVersionGone(f"stored {version}, on disk {policies.version}")
    return policies


def replayed(decision: Decision) -> policy.Decision:
    """The decision made again from what was stored. Raises PolicyVersionGone."""
    return policy.Decision.from_json(decision.record)
