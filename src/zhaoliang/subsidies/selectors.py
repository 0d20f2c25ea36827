"""Questions about claims: the review page with each rule's finding, the public list, the work queue."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.models import Count, F, Max, Min, OuterRef, Q, QuerySet, Subquery, Sum, Window
from django.db.models.functions import Coalesce, RowNumber

from zhaoliang import policy
from zhaoliang.classes.facts import put_counts
from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.days import CalendarNotPublished, chinese_day
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.masking import mask_id, mask_name
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.roles import Actor, Role, within
from zhaoliang.policy import AmountStep, Citation, Outcome, RuleResult
from zhaoliang.registry.lawbook import lawbook, policies_for
from zhaoliang.registry.models import Organisation, Person
from zhaoliang.subsidies import stored
from zhaoliang.subsidies.clocks import PUBLICITY, Deadline, deadline, last_of_publicity
from zhaoliang.subsidies.facts import claim_facts, grants_before
from zhaoliang.subsidies.facts_sql import TRAINING_KINDS
from zhaoliang.subsidies.kinds import MAIN
from zhaoliang.subsidies.models import (
    LINE_PARTS,
    CheckResult,
    Claim,
    ClaimLine,
    Decision,
    DecisionBasis,
    Evidence,
    Objection,
    PaymentDue,
)
from zhaoliang.subsidies.on_file import line_on_file
from zhaoliang.subsidies.past import Format, export_line_facts
from zhaoliang.subsidies.states import CLAIM_LINE
from zhaoliang.subsidies.verifiers import Checked, checks_of

# How many lines a page shows in full.
PAGE = 60


@dataclass(frozen=True)
class FactShown:
    """A fact under its Chinese name, its value for people, and the record it rests on ("" when nobody knows)."""

    name: str
    label: str
    value: str
    evidence: str


@dataclass(frozen=True)
class Finding:
    """One rule's answer for one line, with its clause and the facts it read."""

    rule_id: str
    outcome: Outcome
    says: str
    citation: Citation
    facts: tuple[FactShown, ...]
    missing: tuple[str, ...]
    remedy: str
    note: str


@dataclass(frozen=True)
class LineView:
    """A claim line as the review page shows it. `name` is whole, for those who may see the claim."""

    line: ClaimLine
    name: str
    masked_number: str
    findings: tuple[Finding, ...]
    steps: tuple[AmountStep, ...]
    payee_clause: str

    @property
    def problems(self) -> tuple[Finding, ...]:
        """What refuses or cannot be told, refusals first."""
        order = (Outcome.FAIL, Outcome.CANNOT_TELL)
        return tuple(one for outcome in order for one in self.findings if one.outcome is outcome)


@dataclass(frozen=True)
class ClockView:
    """The publicity clock: counted, not set by any text, or not countable because the calendar is not out."""

    state: str
    says: str
    deadline: Deadline | None = None


@dataclass(frozen=True)
class ClaimPage:
    """A claim on one page; a fixed number of queries whatever its size. `later` is the first line of the next page."""

    claim: Claim
    lines: tuple[LineView, ...]
    later: int | None
    counts: dict[str, int]
    total_fen: int
    clock: ClockView
    objections: tuple[Objection, ...]
    timeline: tuple[StateChange, ...]

    @property
    def size(self) -> int:
        """How many lines the claim has."""
        return sum(self.counts.values())


@dataclass(frozen=True)
class PublicLine:
    """A line as published (财社〔2023〕181号 第二十八条): name and part of the number hidden, standard and amount."""

    name: str
    masked_number: str
    occupation: str
    level: int | None
    payee: str
    amount_fen: int


@dataclass(frozen=True)
class PublicClaim:
    """A published claim with the first of its lines, how many there are, and the days of its publicity.

    `later` is how many lines come before the next page of lines; `steps` are how the first line's amount was built.
    """

    claim: Claim
    class_name: str
    provider_name: str
    publicity_from: date
    publicity_until: date
    lines: tuple[PublicLine, ...]
    size: int
    total_fen: int
    later: int | None
    steps: tuple[AmountStep, ...] = ()


@dataclass(frozen=True)
class QueueItem:
    """A claim that waits for the actor: what for, until when, how much."""

    claim: Claim
    task: str
    due_on: date | None
    lines: int
    waiting: int
    amount_fen: int


def claim(city_code: int, claim_id: int) -> Claim:
    """A claim with its class, project and provider. Raises NotFound."""
    found = _claims(city_code).filter(pk=claim_id).first()
    if found is None:
        raise NotFound(what="没有这份补贴申领。", why="本市没有这个编号的申领。", next_step="请从列表进入。")
    return found


def claim_line(city_code: int, line_id: int) -> ClaimLine:
    """A line with everything a page shows of it. Raises NotFound."""
    found = ClaimLine.objects.select_related(*LINE_PARTS).filter(city_code=city_code, pk=line_id).first()
    if found is None:
        raise NotFound(what="没有这条申领明细。", why="本市没有这个编号的明细。", next_step="请从申领页进入。")
    return found


def city_of_line(line_id: int) -> int:
    """The city that holds a claim line, looked for in all (a person's look, not daily work). Raises NotFound."""
    with national():
        found = ClaimLine.objects.filter(pk=line_id).values_list("city_code", flat=True).first()
    if found is None:
        raise NotFound(what="没有这条申领明细。", why="全国都没有这个编号的明细。", next_step="请核对编号。")
    return found


def claim_of_class(city_code: int, class_id: int) -> Claim | None:
    """The claim a class came to, if there is one; what is claimed beside it left out."""
    return _claims(city_code).filter(training_class_id=class_id, kind__in=MAIN).first()


def evaluation_due(training_class: TrainingClass) -> bool:
    """Whether the evaluation subsidy of a class could be claimed: the training is, this is not, and the region sets one."""
    if training_class.state not in ("in_claim", "closed"):
        return False
    beside = Claim.objects.filter(city_code=training_class.city_code, training_class=training_class, kind="evaluation")
    region, on = training_class.project.region_id, training_class.starts_on
    return bool(policies_for(region, on=on, scheme="evaluation").bound_amounts) and not beside.exists()


def evidence(city_code: int, evidence_id: int) -> Evidence:
    """A file handed in for a claim, with its claim. Raises NotFound."""
    found = Evidence.objects.select_related("claim").filter(city_code=city_code, pk=evidence_id).first()
    if found is None:
        raise NotFound(what="没有这份材料。", why="本市没有这个编号的材料。", next_step="请从申领页进入。")
    return found


def evidence_of(claim: Claim) -> list[Evidence]:
    """The files handed in for a claim, without their content, in the order they came."""
    return list(Evidence.objects.filter(city_code=claim.city_code, claim=claim).defer("content").order_by("id"))


def claims_of(provider: Organisation) -> QuerySet[Claim]:
    """The claims of a provider, latest first, each with `size` and `waiting` (lines for a person to judge), `refused`, `fen`."""
    city = provider.city_code
    # Asked for the claims of one page only, after it was chosen: nothing is counted over the provider's years.
    return (
        _claims(city)
        .filter(provider=provider)
        .annotate(
            size=of_lines(city, Count("id")),
            waiting=of_lines(city, Count("id"), state="to_person"),
            refused=of_lines(city, Count("id"), state="refused"),
            fen=of_lines(city, Sum("amount_fen")),
        )
        .order_by("-created_at", "-id")
    )


def of_lines(city_code: int, what: Count | Sum, **narrowed: Any) -> Coalesce:
    """A figure over the lines of each claim of a query, 0 where it has none."""
    rows = ClaimLine.objects.filter(city_code=city_code, claim_id=OuterRef("pk"), **narrowed).order_by()
    return Coalesce(Subquery(rows.values("claim_id").annotate(figure=what).values("figure")), 0)


def claims_by_id(city_code: int, claim_ids: Collection[int]) -> list[Claim]:
    """The city's claims of these ids with class, project and provider, in order of id."""
    return list(_claims(city_code).filter(pk__in=list(claim_ids)).order_by("id"))


def past_line_facts(
    path: Path, *, city_code: int, region_code: int, states: Sequence[str] = (), form: Format = "parquet"
) -> int:
    """Write the facts of a region's claim lines, without names or document numbers, to `path`; returns how many lines.

    Columns as `subsidies.past.columns` names them. Raises ExportUnavailable where DuckDB is not installed.
    """
    return export_line_facts(path, city_code=city_code, region_code=region_code, states=states, form=form)


def claim_days(city_code: int, region_code: int) -> list[tuple[int, date]]:
    """The regions and first days of the classes of all claims of a region: for each, one set of policies binds."""
    rows = Claim.objects.filter(city_code=city_code, kind__in=TRAINING_KINDS, **within("region_id", region_code))
    pairs = rows.values_list("region_id", "rules_on").distinct()
    return sorted(pairs)


# So many lines are looked at for the ends of ranges.
SAMPLED = 50_000
# The ends of ranges of so many lines, from a share of the table's pages.
RANGES = """
WITH sampled AS MATERIALIZED (
    SELECT person_id FROM claim_line TABLESAMPLE SYSTEM (%(percent)s) REPEATABLE (1) WHERE city_code = %(city)s
), number AS (
    SELECT greatest(2, ceil(count(*) * 100 / %(percent)s / %(size)s))::int AS ranges FROM sampled
)
SELECT percentile_disc((SELECT array_agg(n / ranges::float8) FROM number, generate_series(1, ranges - 1) n))
    WITHIN GROUP (ORDER BY person_id)
FROM sampled
"""


def line_people(city_code: int, size: int) -> list[tuple[int, int]]:
    """All people with claim lines of a city as ranges of ids that hold about `size` lines each, in order.

    Two ranges at least, where a city has as many lines. A part of the city goes by the same ranges: it may be nearly all of it.
    Of many lines a sample of pages says how many they are and where the ranges end.
    """
    people = ClaimLine.objects.filter(city_code=city_code).aggregate(first=Min("person_id"), last=Max("person_id"))
    if people["first"] is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'claim_line'::regclass")
        # As last counted: far off, it makes the sample larger or smaller. Below 1: never counted, or empty then.
        [held] = cursor.fetchone()
        percent = min(100, 100 * SAMPLED / max(held, 1))
        cursor.execute(RANGES, {"city": city_code, "size": size, "percent": percent})
        [bounds] = cursor.fetchone()
    # A city that is small among many may have no line on the pages looked at.
    ends = sorted({*(bounds or ()), people["last"]})
    return list(zip([people["first"], *(end + 1 for end in ends[:-1])], ends, strict=True))


def approved_lines_of(
    city_code: int, *, fund_source: str, payee: str, person: Person | None, organisation: Organisation | None
) -> list[ClaimLine]:
    """Approved lines of a fund that go to one person, provider or enterprise and no batch holds yet; the 50 oldest."""
    rows = ClaimLine.objects.filter(city_code=city_code, state="approved", payee=payee, claim__fund_source=fund_source)
    if payee == "person" or organisation is None:
        rows = rows.filter(person=person)
    elif payee == "provider":
        rows = rows.filter(claim__provider=organisation)
    else:
        rows = rows.filter(enrolment__employer_uscc=organisation.uscc)
    return list(rows.select_related("claim", "enrolment", "person").order_by("id")[:50])


def due_payments(line: ClaimLine) -> list[PaymentDue]:
    """What is or was owed for a line beside its first payment, in the order it came up."""
    return list(PaymentDue.objects.filter(city_code=line.city_code, claim_line=line).order_by("id"))


def due_of(city_code: int, due_id: int) -> PaymentDue:
    """A due with its line and claim. Raises NotFound."""
    found = (
        PaymentDue.objects.select_related("claim_line__claim", "payable").filter(city_code=city_code, pk=due_id).first()
    )
    if found is None:
        raise NotFound(what="没有这笔应付款项。", why="本市没有这个编号的应付款项。", next_step="请从列表进入。")
    return found


def decided_lines(city_code: int, most: int) -> list[ClaimLine]:
    """The city's newest decided lines, each with its decision and class."""
    rows = ClaimLine.objects.filter(city_code=city_code, decision__isnull=False)
    return list(rows.select_related("decision", "claim").order_by("-id")[:most])


def count_decided_lines(city_code: int) -> int:
    """How many lines of the city have a decision."""
    return ClaimLine.objects.filter(city_code=city_code, decision__isnull=False).count()


def lines_of_person(city_code: int, person_id: int) -> QuerySet[ClaimLine]:
    """A person's claim lines, latest first."""
    rows = ClaimLine.objects.select_related(*LINE_PARTS, "occupation")
    return rows.filter(city_code=city_code, person_id=person_id).order_by("-id")


def decisions_of(line: ClaimLine) -> list[Decision]:
    """Every decision ever made on a line, latest first."""
    return list(Decision.objects.filter(city_code=line.city_code, claim_line_id=line.pk).order_by("-id"))


def decisions_by_id(city_code: int, ids: Iterable[int]) -> dict[int, Decision]:
    """These decisions by id."""
    return {row.pk: row for row in Decision.objects.filter(city_code=city_code, pk__in=list(ids))}


def checks_on(line: ClaimLine) -> tuple[CheckResult | None, list[Checked]]:
    """What the verifiers answered on a line the last time and each answer, problems first; nothing before the first time."""
    found = (
        CheckResult.objects.select_related("suite").filter(city_code=line.city_code, pk=line.check_result_id).first()
    )
    return found, checks_of(found) if found else []


def _claims(city_code: int) -> QuerySet[Claim]:
    return Claim.objects.select_related("training_class__project", "training_class__site", "provider").filter(
        city_code=city_code
    )


def claim_page(city_code: int, claim_id: int, *, at: datetime, start: int = 0) -> ClaimPage:
    """A claim with PAGE of its lines from the line `start` on, each in full. Raises NotFound."""
    found = claim(city_code, claim_id)
    of_claim = ClaimLine.objects.filter(city_code=city_code, claim=found)
    lines = list(of_claim.select_related(*LINE_PARTS, "occupation").filter(pk__gte=start).order_by("id")[: PAGE + 1])
    stored.prepare(line.decision for line in lines[:PAGE] if line.decision is not None)
    states = of_claim.order_by().values_list("state").annotate(number=Count("id"), fen=Sum("amount_fen"))
    by_state = {state: (number, fen) for state, number, fen in states}
    return ClaimPage(
        claim=found,
        lines=tuple(line_view(line) for line in lines[:PAGE]),
        later=lines[PAGE].pk if len(lines) > PAGE else None,
        counts={state: by_state.get(state, (0, 0))[0] for state in CLAIM_LINE.states},
        total_fen=sum(fen for _, fen in by_state.values()),
        clock=publicity_clock(found, at=at),
        objections=tuple(Objection.objects.filter(city_code=city_code, claim=found).order_by("id")),
        timeline=tuple(
            StateChange.objects.filter(city_code=city_code, machine="claim", object_id=found.pk).order_by("id")
        ),
    )


def line_today(line: ClaimLine) -> policy.Decision:
    """What the rules say of one line from the facts of now, with every step; stores nothing.

    The road of a single line: one query, the rules in Python. `line` has its parts (`claim_line`).
    """
    claim = line.claim
    known, outcome = line_on_file(line)
    sheet = claim_facts(line, outcome, known)
    policies = policies_for(claim.region_id, on=claim.rules_on)
    put_counts(sheet, grants_before(line, known.grants), policies)
    return policies.decide(sheet.facts, phase="claim")


def orders_of_facts(city_code: int) -> dict[int, tuple[str, ...]]:
    """In which order the decisions of each basis of a city keep their facts, by basis id; empty where they keep them whole."""
    rows = DecisionBasis.objects.filter(city_code=city_code).values_list("pk", "facts")
    return {basis: tuple(facts) for basis, facts in rows}


def facts_of_decisions(city_code: int, decision_ids: Collection[int]) -> dict[int, dict[str, Any]]:
    """What was known when each of these decisions was made, by decision id."""
    rows = Decision.objects.filter(city_code=city_code, pk__in=list(decision_ids)).order_by("basis_id")
    return {decision.pk: decision.facts for decision in rows}


def line_view(line: ClaimLine) -> LineView:
    """A line with each rule's finding, from its latest decision."""
    findings: tuple[Finding, ...] = ()
    steps: tuple[AmountStep, ...] = ()
    payee_clause = ""
    if line.decision is not None:
        made = policy.Decision.from_json(line.decision.record)
        findings = tuple(finding(result, line.decision.evidence) for result in made.results)
        steps, payee_clause = stored.steps_in_words(line.decision, made), line.decision.record["payee"]["citation"]
    return LineView(line, line.person.name, mask_id(line.person.document_number), findings, steps, payee_clause)


def finding(result: RuleResult, evidence: dict[str, Any]) -> Finding:
    """A rule's result in the words of the fact schema."""
    return Finding(
        result.rule_id,
        result.outcome,
        result.asks if result.outcome is policy.Outcome.PASS else result.says,
        result.citation,
        tuple(fact_shown(name, value, evidence) for name, value in result.facts_used.items()),
        tuple(lawbook().facts.label(name) for name in result.missing),
        result.remedy,
        result.note,
    )


def fact_shown(name: str, value: object, evidence: dict[str, Any]) -> FactShown:
    """A fact for people, with the record it rests on."""
    schema = lawbook().facts
    source = evidence.get(name)
    row = f"{source['source']}（编号 {source['id']}）" if source and source["id"] else ""
    return FactShown(name, schema.label(name), schema.show(name, value), row or (source["source"] if source else ""))


def publicity_clock(found: Claim, *, at: datetime) -> ClockView:
    """The publicity clock of a claim: running, or how it would run if it were published today."""
    last = last_of_publicity(found)
    if last is not None:
        over = chinese_day(at) > last
        return ClockView("over" if over else "running", "公示期已满" if over else "公示中")
    try:
        counted = deadline(found, PUBLICITY, chinese_day(at))
    except CalendarNotPublished as problem:
        return ClockView("calendar", str(problem))
    if counted is None:
        return ClockView("not_set", "本地现行文件没有规定公示期")
    return ClockView("ahead", f"复核通过后公示 {counted.working_days} 个工作日", counted)


def in_publicity(city_code: int, on: date) -> QuerySet[Claim]:
    """The claims that are published in a city on a day, those that end first before the others."""
    rows = _claims(city_code).filter(state="publicity", publicity_from__lte=on, publicity_until__gte=on)
    return rows.order_by("publicity_until", "id")


def publicity_list(city_code: int, published: Iterable[Claim], *, start: int = 0) -> list[PublicClaim]:
    """What is published of these claims, masked: of each PAGE lines after the first `start`; three queries.

    The names stand in the order of the keyed hash of their documents: in the order of the
    lines anybody could lay them beside the numbers of a published draw and tell who was looked at.
    """
    claims = list(published)
    passed = ClaimLine.objects.filter(city_code=city_code, claim_id__in=[found.pk for found in claims], state="passed")
    sums = passed.order_by().values_list("claim_id").annotate(number=Count("id"), fen=Sum("amount_fen"))
    totals = {found: (number, fen) for found, number, fen in sums}
    lines: dict[int, list[PublicLine]] = {found.pk: [] for found in claims}
    later: dict[int, int] = {}
    numbered = passed.annotate(
        place=Window(RowNumber(), partition_by=F("claim_id"), order_by=[F("person__id_hash"), F("id")])
    )
    first: dict[int, int] = {}
    asked = numbered.filter(place__gt=start, place__lte=start + PAGE + 1).select_related("person", "occupation")
    for row in asked.order_by("place", "claim_id"):
        first.setdefault(row.claim_id, row.decision_id or 0)
        if len(lines[row.claim_id]) == PAGE:
            later[row.claim_id] = start + PAGE
            continue
        lines[row.claim_id].append(
            PublicLine(
                mask_name(row.person.name),
                mask_id(row.person.document_number),
                row.occupation.name,
                row.level,
                PAYEES[row.payee],
                row.amount_fen,
            )
        )
    decided = {made.pk: made for made in Decision.objects.filter(city_code=city_code, pk__in=first.values())}
    made = {key: policy.Decision.from_json(decided[pk].record).steps for key, pk in first.items() if pk in decided}
    return [
        PublicClaim(
            found,
            found.title,
            found.applicant,
            found.publicity_from,
            found.publicity_until,
            tuple(lines[found.pk]),
            *totals.get(found.pk, (0, 0)),
            later.get(found.pk),
            made.get(found.pk, ()),
        )
        for found in claims
        if found.publicity_from and found.publicity_until
    ]


PAYEES = dict(ClaimLine.PAYEES)
TASKS = {
    "assembled": (Role.PROVIDER, "请确认并提交"),
    "returned": (Role.PROVIDER, "已退回，请更正后再提交"),
    "first_review": (Role.REVIEWER, "待初审"),
    "second_review": (Role.APPROVER, "待复核"),
    "publicity": (Role.APPROVER, "公示期满待审批"),
}


def queue(actor: Actor, *, on: date, limit: int) -> list[QueueItem]:
    """The claims that wait for this actor on a day, most urgent first, at most `limit` for each of the actor's assignments.

    Two queries for each assignment.
    """
    items: dict[tuple[int, int], QueueItem] = {}
    for assignment in actor.assignments:
        states = [state for state, (role, _) in TASKS.items() if role is assignment.role]
        if not states:
            continue
        # What people applied for has no organisation to hand it in: a reviewer takes it up.
        collected = Q(training_class__isnull=True, state__in=("assembled", "returned"))
        wanted = Q(state__in=states)
        rows = _claims(assignment.city_code).filter(wanted | collected if assignment.role is Role.REVIEWER else wanted)
        if assignment.role is Role.PROVIDER:
            rows = rows.filter(provider_id=assignment.organisation_id)
        else:
            rows = rows.filter(**within("region_id", assignment.region_code))
        for item in _items(rows, on, limit):
            items[item.claim.city_code, item.claim.pk] = item
    return sorted(items.values(), key=lambda item: (item.due_on or date.max, item.claim.pk))


def _items(rows: QuerySet[Claim], on: date, limit: int) -> Iterable[QueueItem]:
    by_day = (F("review_due_on").asc(nulls_last=True), "id")
    ripe = rows.exclude(state="publicity", publicity_until__gte=on).order_by(*by_day)
    # The few are chosen before classes, projects and places are joined to them.
    found = list(rows.filter(pk__in=ripe.select_related(None).values("pk")[:limit]).order_by(*by_day))
    if not found:
        return
    sums = (
        ClaimLine.objects.filter(city_code=found[0].city_code, claim_id__in=[row.pk for row in found])
        .values("claim_id")
        .annotate(size=Count("id"), waiting=Count("id", filter=Q(state="to_person")), fen=Sum("amount_fen"))
    )
    by_claim = {row["claim_id"]: (row["size"], row["waiting"], row["fen"]) for row in sums}
    for row in found:
        size, waiting, amount_fen = by_claim.get(row.pk, (0, 0, 0))
        task = (
            "可以开始审核"
            if row.state in ("assembled", "returned") and row.provider_id is None
            else TASKS[row.state][1]
        )
        yield QueueItem(row, task, row.review_due_on, size, waiting, amount_fen)
