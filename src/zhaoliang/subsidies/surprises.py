"""Where a decision differs from what was expected when the class was filed, and which fact made the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from zhaoliang import policy
from zhaoliang.classes.models import KeptForecast
from zhaoliang.classes.selectors import kept_forecasts
from zhaoliang.policy import Outcome
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import ClaimLine, Decision

# A voucher goes its way between filing and claim: that it did is no news.
EXPECTED = frozenset({"voucher_state"})


@dataclass(frozen=True)
class Change:
    """A fact under its Chinese name, as it was known at filing ("" when it was not) and as it is now."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class Surprise:
    """What was expected at filing where it came out otherwise. `fen` in fen; `texts` says that the policy texts changed."""

    outcome: Outcome
    fen: int
    changes: tuple[Change, ...]
    texts: bool


def surprises(lines: Sequence[ClaimLine]) -> dict[int, Surprise]:
    """By line id, for lines of one city with their decisions; lines that came out as expected are left out. One query.

    What is claimed beside the training (evaluation, living, uplift) was not forecast at filing, and nothing is said of it.
    """
    if not lines:
        return {}
    kept = kept_forecasts(lines[0].city_code, [line.enrolment_id for line in lines if line.enrolment_id is not None])
    found: dict[int, Surprise] = {}
    for line in lines:
        expected = kept.get(line.enrolment_id or 0) if line.kind in MAIN else None
        if expected is not None and line.decision is not None and _otherwise(expected, line.decision):
            found[line.pk] = _surprise(expected, line.decision)
    return found


def _otherwise(expected: KeptForecast, made: Decision) -> bool:
    refused = made.outcome == Outcome.FAIL
    if refused != (expected.outcome == Outcome.FAIL):
        return True
    # Promised, and now for a person: what was known then is known no more.
    if expected.outcome == Outcome.PASS and made.outcome == Outcome.CANNOT_TELL:
        return True
    # Where no amount could be told at filing (months of an apprenticeship), none was promised.
    told = expected.outcome != Outcome.CANNOT_TELL or bool(expected.fen)
    return told and not refused and expected.fen != (made.amount_fen or 0)


def _surprise(expected: KeptForecast, made: Decision) -> Surprise:
    schema, now, then = lawbook().facts, made.facts, expected.facts
    decided = policy.Decision.from_json(made.record)
    read = {name for result in (*decided.refusals, *decided.questions) for name in result.facts_used}
    changes = [
        Change(schema.label(name), schema.show(name, then[name]) if name in then else "", schema.show(name, value))
        for name, value in now.items()
        if name not in EXPECTED and (then.get(name) != value if name in then else name in read)
    ]
    # What was known at filing and is known no more: a proof that was withdrawn, a contract that was found to be untrue.
    gone = {name for result in decided.questions for name in result.missing if name in then and name not in now}
    changes += [Change(schema.label(name), schema.show(name, then[name]), "现在还不知道") for name in sorted(gone)]
    texts = expected.policy_version != made.policy_version
    return Surprise(Outcome(expected.outcome), expected.fen, tuple(changes), texts)
