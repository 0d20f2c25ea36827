"""The review screen of a claim of any size: a stretch of its lines by key, one line in full, counts from one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Count, Q, QuerySet, Sum

from zhaoliang.kernel.masking import mask_id
from zhaoliang.kernel.models import StateChange
from zhaoliang.registry.selectors import organisations_by_code
from zhaoliang.registry.standing import Gate, barred_codes, standing_on
from zhaoliang.subsidies.kind_facts import FITTING
from zhaoliang.subsidies.models import LINE_PARTS, CheckResult, Claim, ClaimLine, Objection
from zhaoliang.subsidies.selectors import ClockView, LineView, checks_on, claim, line_view, publicity_clock
from zhaoliang.subsidies.verifiers import Checked

SIZE = 60
# How many lines before the one in hand are shown with it.
ABOVE = 8
# What the list can be narrowed to.
SHOWS: dict[str, tuple[str, Q]] = {
    "": ("全部", Q()),
    "look": ("要看的", Q(state__in=("due", "to_person")) | Q(alerts__gt=0) | Q(sampled=True) | ~Q(question="")),
    "to_person": ("待判断", Q(state="to_person")),
    "sampled": ("抽中的", Q(sampled=True)),
    "passed": ("符合", Q(state__in=FITTING)),
    "refused": ("不予补贴", Q(state="refused")),
}


@dataclass(frozen=True)
class LineRow:
    """A line as the list shows it; `name` is whole, for those who may see the claim."""

    line: ClaimLine
    name: str
    masked_number: str


@dataclass(frozen=True)
class ReviewPage:
    """The screen: `rows` are at most SIZE lines, `before` and `after` the first lines of the stretches around them."""

    claim: Claim
    rows: tuple[LineRow, ...]
    current: LineView | None
    checked: CheckResult | None
    checks: list[Checked]
    shown: dict[str, int]
    states: dict[str, int]
    total_fen: int
    before: int | None
    after: int | None
    following: int | None
    clock: ClockView
    objections: tuple[Objection, ...]
    timeline: tuple[StateChange, ...]

    @property
    def size(self) -> int:
        """How many lines the claim has."""
        return self.shown[""]

    @property
    def open(self) -> int:
        """How many lines are undecided or wait for a person."""
        return self.states.get("due", 0) + self.states.get("to_person", 0)


def lines_shown(found: Claim, show: str) -> QuerySet[ClaimLine]:
    """The lines of a claim that a filter of the screen leaves, in their order; an unknown filter leaves all."""
    narrowed = SHOWS.get(show, SHOWS[""])[1]
    return ClaimLine.objects.filter(narrowed, city_code=found.city_code, claim=found).order_by("id")


# What a claim comes to next where it stands, as the register of decisions asks.
NEXT_GATE = {
    "assembled": Gate.CLAIM,
    "returned": Gate.CLAIM,
    "first_review": Gate.REVIEW,
    "second_review": Gate.REVIEW,
    "publicity": Gate.APPROVAL,
}


def standing_told(found: Claim, day: date) -> tuple[str, str] | None:
    """What the claim's page says of its organisation's decisions before the next step, with the tone; None when nothing runs."""
    gate = NEXT_GATE.get(found.state)
    return None if gate is None or found.provider is None else standing_on(found.provider, day).told(gate)


def payees_told(found: Claim, day: date) -> str:
    """What the page says of enterprises that the claim's lines are to be paid to and that may be paid nothing on that day.

    Their lines may be judged and approved beside the others: the money waits, and nobody else's with it. Nothing for none.
    """
    if found.state not in NEXT_GATE:
        return ""
    # The organisations first: of most cities few are barred, and of a claim of 100,000 lines none is read for nothing.
    codes = [code for code in barred_codes(found.city_code, Gate.PAYMENT, day).values() if code]
    if not codes:
        return ""
    rows = ClaimLine.objects.filter(city_code=found.city_code, claim=found, payee="enterprise").exclude(state="refused")
    held = rows.filter(enrolment__employer_uscc__in=codes).order_by().values_list("enrolment__employer_uscc")
    lines = dict(held.annotate(Count("id")))
    if not lines:
        return ""
    named = [standing_on(one, day) for one in organisations_by_code(found.city_code, sorted(lines)[:3])]
    why = "".join(refusal.why for one in named if (refusal := one.refusal(Gate.PAYMENT)))
    more = f"这样的企业共 {len(lines)} 家。" if len(lines) > len(named) else ""
    told = f"应付给上述企业的 {sum(lines.values())} 条明细可以照常审核、审批，钱在限制解除前不拨；其他明细不受影响。"
    return f"{why}{more}{told}"


def review_page(
    city_code: int, claim_id: int, *, at: datetime, show: str = "", line: int | None = None, start: int | None = None
) -> ReviewPage:
    """The review screen with `line` in hand, or the first one that waits for a person; the list begins at `start`.

    The number of statements does not depend on the number of lines. Raises NotFound.
    """
    found = claim(city_code, claim_id)
    wanted = lines_shown(found, show)
    states, shown, total_fen = _counts(found)
    current = _current(wanted, line, start)
    first = start if start is not None else _start(wanted, current)
    listed = [] if first is None else _listed(wanted, first)
    view = _view(city_code, current)
    checked, checks = checks_on(view.line) if view else (None, [])
    return ReviewPage(
        claim=found,
        rows=tuple(LineRow(one, one.person.name, mask_id(one.person.document_number)) for one in listed[:SIZE]),
        current=view,
        checked=checked,
        checks=checks,
        shown=shown,
        states=states,
        total_fen=total_fen,
        before=_before(wanted, first),
        after=listed[SIZE].pk if len(listed) > SIZE else None,
        following=_following(found, current),
        clock=publicity_clock(found, at=at),
        objections=tuple(Objection.objects.filter(city_code=city_code, claim=found).order_by("id")),
        timeline=tuple(
            StateChange.objects.filter(city_code=city_code, machine="claim", object_id=found.pk).order_by("id")
        ),
    )


def reason_of(city_code: int, claim_id: int, line_id: int) -> str:
    """What a person wrote on a line of the claim; nothing for a line of another claim."""
    rows = ClaimLine.objects.filter(city_code=city_code, claim_id=claim_id, pk=line_id)
    return rows.values_list("judgement", flat=True).first() or ""


def _counts(found: Claim) -> tuple[dict[str, int], dict[str, int], int]:
    """Lines by state, lines by filter, and the sum in fen; one statement."""
    rows = (
        ClaimLine.objects.filter(city_code=found.city_code, claim=found)
        .order_by()
        .values("state")
        .annotate(
            number=Count("id"),
            fen=Sum("amount_fen"),
            look=Count("id", filter=SHOWS["look"][1]),
            drawn=Count("id", filter=SHOWS["sampled"][1]),
        )
    )
    by_state = {row["state"]: row for row in rows}
    states = {state: row["number"] for state, row in by_state.items()}
    shown = {
        "": sum(states.values()),
        "look": sum(row["look"] for row in by_state.values()),
        "sampled": sum(row["drawn"] for row in by_state.values()),
        **{state: states.get(state, 0) for state in ("to_person", "refused")},
        "passed": sum(states.get(state, 0) for state in FITTING),
    }
    return states, shown, sum(row["fen"] for row in by_state.values())


def _current(wanted: QuerySet[ClaimLine], line: int | None, start: int | None) -> int | None:
    """The line in hand: the one asked for, else the first of the stretch, else the first that waits, else the first."""
    if line is not None and wanted.filter(pk=line).exists():
        return line
    if start is not None:
        return wanted.filter(pk__gte=start).values_list("pk", flat=True).first()
    waiting = wanted.filter(state="to_person").values_list("pk", flat=True).first()
    return waiting or wanted.values_list("pk", flat=True).first()


def _start(wanted: QuerySet[ClaimLine], current: int | None) -> int | None:
    """Where the list begins so that a few lines before the one in hand are seen with it."""
    if current is None:
        return None
    around = list(wanted.filter(pk__lte=current).order_by("-id").values_list("pk", flat=True)[: ABOVE + 1])
    return around[-1] if around else None


def _listed(wanted: QuerySet[ClaimLine], first: int) -> list[ClaimLine]:
    return list(wanted.filter(pk__gte=first).select_related("person")[: SIZE + 1])


def _before(wanted: QuerySet[ClaimLine], first: int | None) -> int | None:
    if first is None:
        return None
    earlier = list(wanted.filter(pk__lt=first).order_by("-id").values_list("pk", flat=True)[:SIZE])
    return earlier[-1] if earlier else None


def _following(found: Claim, current: int | None) -> int | None:
    """The next line that waits for a person: where the officer goes after this one."""
    waiting = ClaimLine.objects.filter(city_code=found.city_code, claim=found, state="to_person").order_by("id")
    others = waiting.exclude(pk=current).values_list("pk", flat=True)
    return others.filter(pk__gt=current or 0).first() or others.first()


def _view(city_code: int, current: int | None) -> LineView | None:
    if current is None:
        return None
    rows = ClaimLine.objects.select_related(*LINE_PARTS, "occupation")
    return line_view(rows.get(city_code=city_code, pk=current))
