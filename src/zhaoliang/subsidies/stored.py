"""How a decision is kept: what was known in one text, the ids it rests on, a letter a rule. Texts come from the policies.

A decision names its basis (`DecisionBasis`): the policy version and the order of facts, ids and rules. From that and the
policy texts the whole record is made again, word for word; see docs/decisions/0011.
"""

from __future__ import annotations

import csv
import hashlib
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db import connection

from zhaoliang.policy import AmountStep, PolicySet, PolicyStore, PolicyVersionGone
from zhaoliang.policy import Decision as MadeDecision
from zhaoliang.policy.evaluate import plain
from zhaoliang.policy.worked import in_words
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
    """The texts a decision was made by, as on its day: those in force now, or as they were kept when they have changed.

    Raises PolicyVersionGone when neither gives the stored version.
    """
    return policies_by(basis, date.fromisoformat(str(facts["class_start"])))


def policies_by(basis: DecisionBasis, on: date) -> PolicySet:
    """The same by the day whose texts bind. Raises PolicyVersionGone."""
    return _policies(basis.policy_version, on, tuple(sorted(basis.library.items())))


def kept_policies(decision: Decision, on: date) -> PolicySet:
    """The texts a decision was made by, as of that day, whichever way it is kept. Raises PolicyVersionGone."""
    from zhaoliang.subsidies.models import DecisionBasis

    if decision.basis_id is not None:
        return policies_by(decision.basis, on)
    # A later decision of a line is kept whole; what it was made from is kept with one of the same texts.
    kept = DecisionBasis.objects.filter(city_code=decision.city_code, policy_version=decision.policy_version).first()
    if kept is None:
        raise PolicyVersionGone("the texts of this decision were not kept")
    return policies_by(kept, on)


def steps_in_words(decision: Decision, made: MadeDecision) -> tuple[AmountStep, ...]:
    """How the amount came about, each step told in words with the figures of the texts it was decided by.

    A figure that was put right since then stands nowhere beside an amount it did not make: without the texts of its time
    (a decision brought in from elsewhere) labels and amounts stay alone.
    """
    try:
        policies = kept_policies(decision, made.on)
    except PolicyVersionGone:
        return in_words(made, None)
    return in_words(made, policies)


@lru_cache(maxsize=512)
def _policies(version: str, on: date, library: tuple[tuple[str, str], ...]) -> PolicySet:
    # A version names its texts by their content, so what was found for it once stays right.
    place, _, rest = version.partition("/")
    scheme = rest.partition("@")[0]
    policies = lawbook().for_place(int(place), scheme, on)
    if policies.version != version:
        policies = _kept_store(library).for_place(int(place), scheme, on)
    if policies.version != version:
        raise PolicyVersionGone(f"stored {version}, kept {policies.version}")
    return policies


@lru_cache(maxsize=8)
def _kept_store(library: tuple[tuple[str, str], ...]) -> PolicyStore:
    """The whole library as it was, read from the kept files. Raises PolicyVersionGone when some are not there."""
    from zhaoliang.subsidies.models import DecisionText

    texts = dict(DecisionText.objects.filter(pk__in=[digest for _, digest in library]).values_list("pk", "content"))
    if not library or any(digest not in texts for _, digest in library):
        raise PolicyVersionGone("the texts of this decision were not kept")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "policies"
        for path, digest in library:
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(texts[digest].encode())
        # As their time read them: what the reader refuses since then does not undo an old decision.
        return PolicyStore.load(root, accepted=None)


def keep_library() -> dict[str, str]:
    """Keep the policy library as this process has read it, enacted texts included: path → hash (plain).

    What is there already stays. Not what is on disk now: files may be replaced under a running process.
    """
    from zhaoliang.subsidies.models import DecisionText

    files = lawbook().files
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    held = set(DecisionText.objects.filter(pk__in=set(digests.values())).values_list("pk", flat=True))
    new = {digests[path]: content.decode() for path, content in files.items() if digests[path] not in held}
    DecisionText.objects.bulk_create(
        [DecisionText(sha256=digest, content=content) for digest, content in sorted(new.items())], ignore_conflicts=True
    )
    return digests
