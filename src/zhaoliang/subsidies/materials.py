"""What a claim still asks its organisation for, beside what the platform holds: never more than a clause or a question needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from zhaoliang import policy
from zhaoliang.attendance.selectors import class_totals
from zhaoliang.classes.selectors import sessions
from zhaoliang.policy import Citation
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.subsidies.models import Claim, ClaimLine, Evidence

LABELS = dict(Evidence.KINDS)
# The file that answers a fact.
FILE_OF = {
    "contract_months": "contract",
    "months_since_hired": "contract",
    "wage_meets_minimum": "payroll",
    "receipt_given": "receipt",
    "training_plan_given": "training_plan",
    "sign_in_sheet_given": "sign_in_sheet",
    "video_given": "video",
}
DIRECT = ("training_plan_given", "sign_in_sheet_given", "video_given")


@dataclass(frozen=True)
class Material:
    """One thing asked for: what, by which clause, where it is from ("" while it is missing), for which line (None: all)."""

    kind: str
    citation: Citation
    source: str
    line_id: int | None = None

    @property
    def label(self) -> str:
        return LABELS[self.kind]


def materials(claim: Claim, lines: Iterable[ClaimLine]) -> list[Material]:
    """Everything the claim asks for, with what is there already. `lines` come with their decisions. A few queries."""
    files = {
        (kind, line_id): name
        for kind, line_id, name in Evidence.objects.filter(city_code=claim.city_code, claim=claim)
        .order_by("id")
        .values_list("kind", "line_id", "file_name")
    }
    found = _direct(claim, files) if claim.kind == "enterprise_direct" else []
    common: dict[str, Material] = {}
    for line in lines:
        for kind, citation in _asked(line).items():
            held = files.get((kind, line.pk)) or files.get((kind, None)) or ""
            if kind == "contract":
                found.append(Material(kind, citation, held, line.pk))
            else:
                common.setdefault(kind, Material(kind, citation, held))
    return [*found, *(common[kind] for kind in sorted(common) if kind not in {one.kind for one in found})]


def asks_for(claim: Claim, lines: Iterable[ClaimLine], kind: str) -> bool:
    """Whether the claim as a whole asks for a file of this kind: of so many lines the first that does says so."""
    if claim.kind == "enterprise_direct" and any(one.kind == kind for one in _direct(claim, {})):
        return True
    return kind != "contract" and any(kind in _asked(line) for line in lines)


def _asked(line: ClaimLine) -> dict[str, Citation]:
    """The files that would answer what a rule could not tell of a line."""
    if line.decision is None or line.state not in ("due", "to_person"):
        return {}
    asked: dict[str, Citation] = {}
    for result in policy.Decision.from_json(line.decision.record).questions:
        for name in (*result.missing, *(name for name, value in result.facts_used.items() if value is False)):
            if name in FILE_OF:
                asked.setdefault(FILE_OF[name], result.citation)
    return asked


def _direct(claim: Claim, files: dict[tuple[str, int | None], str]) -> list[Material]:
    """企业直补: plan and sign-in are on the platform, the video is not (人社部函〔2021〕14号 三)."""
    made = direct_decision(claim, {kind for kind, line_id in files if line_id is None})
    held = _held_by_platform(claim)
    return [
        Material(
            FILE_OF[name],
            result.citation,
            files.get((FILE_OF[name], None)) or ("平台已有" if held.get(name) else ""),
        )
        for result in made.results
        for name in DIRECT
    ]


def direct_decision(claim: Claim, given: set[str]) -> policy.Decision:
    """What the clause on materials says of an enterprise's claim with these files handed in."""
    held = _held_by_platform(claim)
    facts = {name: held.get(name, False) or FILE_OF[name] in given for name in DIRECT}
    policies = policies_for(claim.region_id, on=claim.rules_on, scheme="enterprise_direct")
    return policies.decide({"secret_enterprise": False, **facts}, phase="claim")


def _held_by_platform(claim: Claim) -> dict[str, bool]:
    training_class = claim.training_class
    if training_class is None:
        return {}
    return {
        "training_plan_given": bool(sessions(training_class)),
        "sign_in_sheet_given": bool(class_totals(training_class)),
    }
