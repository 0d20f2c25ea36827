"""The facts of many claim lines in one statement: what `subsidies.facts` knows of a line, as columns for the rules.

`line_facts` is the relation; `LINE_FACTS` its fact columns in order, `SLOTS` the places of the ids in `evidence`, and
`ROOTS` says which of them each fact rests on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.roles import region_codes
from zhaoliang.registry.lawbook import lawbook

Kind = Literal["bool", "number", "fraction", "date", "text"]

# What all lines of a class share: kept first, as one text made once a class.
CLASS_FACTS: Mapping[str, Kind] = {
    "name_matches_id": "bool",
    "occupation": "text",
    "level": "text",
    "kind": "text",
    "category": "text",
    "scarcity": "text",
    "mode": "text",
    "site_kind": "text",
    "class_start": "date",
    "planned_hours": "number",
    "theory_hours": "number",
    "practice_hours": "number",
    "safety_hours": "number",
    "provider_in_directory": "bool",
    "provider_sanctioned": "bool",
    "fund_source": "text",
}
# What a line has of its own, in parts: of most lines the first two say that there is nothing.
GRANT_FACTS: Mapping[str, Kind] = {
    "trainings_paid_lifetime": "number",
    "trainings_paid_this_year": "number",
    "skill_upgrades_paid_this_year": "number",
    "same_occupation_level_paid": "bool",
    "highest_level_paid": "text",
    "training_paid_for_certificate": "bool",
    "skill_upgrade_paid_for_certificate": "bool",
    "fund_double_paid": "bool",
}
JOB_FACTS: Mapping[str, Kind] = {
    "contract_months": "number",
    "months_since_hired": "number",
    "employer_insured": "bool",
}
OWN_FACTS: Mapping[str, Kind] = {
    **GRANT_FACTS,
    **JOB_FACTS,
    "person_age_at_start": "number",
    "pension_drawn": "bool",
    "establishment_staff": "bool",
    "student_status": "text",
    "group": "text",
    "group_proved": "bool",
    "attended_hours": "fraction",
    "time_clash": "bool",
    "voucher_state": "text",
    "voucher_fits_project": "bool",
    "voucher_valid_on_start": "bool",
    "exam_passed": "bool",
    "certificate_kind": "text",
    "certificate_level": "text",
    "certificate_occupation": "text",
    "certificate_registered": "bool",
}
LINE_FACTS: Mapping[str, Kind] = {**CLASS_FACTS, **OWN_FACTS}

# The ids of a line's `evidence` array, in order, with the table each names.
SLOTS: Mapping[str, str] = {
    "person": "registry.person",
    "enrolment": "classes.enrolment",
    "class": "classes.trainingclass",
    "project": "catalogue.project",
    "entry": "catalogue.catalogueentry",
    "provider": "registry.organisation",
    "site": "registry.site",
    "voucher": "vouchers.voucher",
    "pension": "registry.personstatus",
    "establishment": "registry.personstatus",
    "student": "registry.personstatus",
    "graduating": "registry.groupmembership",
    "membership": "registry.groupmembership",
    "highest": "registry.persongrant",
    "same": "registry.persongrant",
    "insured": "registry.persongrant",
    "certified": "registry.persongrant",
    "result": "evaluation.examresult",
    "certificate": "certificates.certificate",
    "job": "employment.jobrecord",
}

NATIONAL = "全国补贴记录"
# The kinds of claims decided by the scheme of training, one statement for all lines: what the set-based audit covers.
TRAINING_KINDS = ("training", "enterprise_direct")


@dataclass(frozen=True, slots=True)
class Root:
    """What a fact rests on: the first of `slots` that is filled, under the words `source` ("" takes the row's own)."""

    slots: tuple[str, ...]
    source: str


def _roots() -> dict[str, Root]:
    held = {
        ("person_age_at_start",): Root(("person",), "证件"),
        ("name_matches_id",): Root(("person",), "实名档案"),
        ("group",): Root((), "名册人员类别"),
        ("pension_drawn",): Root(("pension",), ""),
        ("establishment_staff",): Root(("establishment",), ""),
        ("student_status",): Root(("graduating", "student"), ""),
        ("group_proved",): Root(("membership",), ""),
        ("time_clash",): Root((), "课程表比对"),
        ("occupation", "level", "kind", "mode", "theory_hours", "practice_hours", "safety_hours", "fund_source"): Root(
            ("project",), "项目库"
        ),
        ("category", "scarcity"): Root(("entry",), "需求指导目录"),
        ("provider_in_directory", "provider_sanctioned"): Root(("provider",), "机构目录"),
        ("class_start", "planned_hours"): Root(("class",), "开班备案"),
        ("site_kind",): Root(("site",), "教学点"),
        ("attended_hours",): Root(("enrolment",), "考勤"),
        ("voucher_state", "voucher_fits_project", "voucher_valid_on_start"): Root(("voucher",), "培训券"),
        ("exam_passed",): Root(("result",), "考核成绩"),
        ("certificate_kind", "certificate_level", "certificate_occupation", "certificate_registered"): Root(
            ("certificate",), "证书"
        ),
        ("trainings_paid_lifetime", "trainings_paid_this_year", "skill_upgrades_paid_this_year"): Root((), NATIONAL),
        ("training_paid_for_certificate", "skill_upgrade_paid_for_certificate"): Root(("certified",), NATIONAL),
        ("highest_level_paid",): Root(("highest",), ""),
        ("same_occupation_level_paid",): Root(("same",), ""),
        ("fund_double_paid",): Root(("insured",), ""),
        ("contract_months", "months_since_hired", "employer_insured"): Root(("job",), "就业记录"),
    }
    return {name: root for names, root in held.items() for name in names}


ROOTS: Mapping[str, Root] = _roots()


# The tables of `line_facts` that name the person, by alias, with the column that does.
PERSON = dict.fromkeys(("l", "n", "r", "t", "o", "v", "s", "m", "g", "e", "j"), "person_id") | {"h": "id"}
# Those of them that are put together a person; of whole claims they are read for the claim's people only.
REGISTERS = ("h", "s", "m", "g", "e", "j")


@dataclass(frozen=True)
class Chosen:
    """Which lines of a city: conditions on claim `c`, class `k`, project `p` and line `l` with their parameters.

    `people`: only lines of the people with ids in these ranges, from the first to the last of each; every range is read by
    itself, so that its joins stay small. `run`: of several transactions with this number each reads the ranges that no other has
    read, and keeps the others from them until it ends.
    """

    city_code: int
    claims: str = "TRUE"
    lines: str = "TRUE"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    people: tuple[tuple[int, int], ...] = ()
    run: int | None = None


def of_claim(city_code: int, claim_id: int, lines: Collection[int] | None = None) -> Chosen:
    """The lines of one claim: all, or those with these ids."""
    if lines is None:
        return Chosen(city_code, "c.id = %(claim)s", parameters={"claim": claim_id})
    given = {"claim": claim_id, "line_ids": id_array(lines)}
    return Chosen(city_code, "c.id = %(claim)s", "l.id = ANY(%(line_ids)s::bigint[])", given)


def of_region(
    city_code: int, region_code: int, *, people: tuple[tuple[int, int], ...] = (), states: Collection[str] = ()
) -> Chosen:
    """The lines of the training claims of a region, in these states (by default any), of these people (by default all)."""
    low, high = region_codes(region_code)
    chosen: dict[str, Any] = {"kinds": list(TRAINING_KINDS), "low": low, "high": high}
    claims = "c.kind = ANY(%(kinds)s) AND p.region_id BETWEEN %(low)s AND %(high)s"
    if not states:
        return Chosen(city_code, claims, parameters=chosen, people=people)
    return Chosen(city_code, claims, "l.state = ANY(%(states)s)", chosen | {"states": sorted(states)}, people)


@cache
def _template() -> str:
    """The text without its comments, which would swallow the rest where a log puts a statement into one line."""
    text = resources.files("zhaoliang.subsidies").joinpath("sql/line_facts.sql").read_text(encoding="utf-8")
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))


def known_text(more: Sequence[str] = ()) -> str:
    """The known facts of a row of lines and classes as one composite text, in the order of `LINE_FACTS`, then the columns `more`.

    Putting a row of columns into words costs much: what most lines have in common is a constant, or made once a class.
    """
    jobless = " AND ".join(f'"{name}" IS NULL' for name in JOB_FACTS)
    groups = ", ".join(f"'{code}'" for code in lawbook().facts.codes["group"] if code.isalnum())
    voucherless = "voucher_state IS NULL AND voucher_fits_project IS NULL AND voucher_valid_on_start IS NULL"
    parts = [
        "alike",
        f"""CASE
            WHEN first_time AND {jobless}
                THEN CASE WHEN certificate_registered THEN '0,0,0,f,none,f,f,f,,,,' ELSE '0,0,0,f,none,,,f,,,,' END
            ELSE coalesce(CASE WHEN {jobless} THEN {GRANTED} END, {_cells([*GRANT_FACTS, *JOB_FACTS])} || ',')
        END""",
        "coalesce(person_age_at_start::text, '')",
        f"""CASE
            WHEN NOT (pension_drawn OR establishment_staff) THEN ',f,f,' || coalesce(student_status, '')
            ELSE ',' || {_cells(["pension_drawn", "establishment_staff", "student_status"])}
        END""",
        f"""CASE
            WHEN "group" IN ({groups}) THEN ',' || "group"
                || CASE WHEN group_proved THEN ',t,' WHEN NOT group_proved THEN ',f,' ELSE ',,' END
            ELSE ',' || {_cells(["group", "group_proved"])} || ','
        END""",
        f"coalesce({_cell('attended_hours')}, '')",
        f"""CASE
            WHEN NOT time_clash AND voucher_state = 'in_claim' AND voucher_fits_project AND voucher_valid_on_start
                THEN ',f,in_claim,t,t'
            WHEN NOT time_clash AND {voucherless} THEN ',f,,,'
            ELSE ',' || {_cells(["time_clash", "voucher_state", "voucher_fits_project", "voucher_valid_on_start"])}
        END""",
        f"""CASE
            WHEN exam_passed AND certificate_registered AND certificate_kind = certificate_due
                AND certificate_level = level AND certificate_occupation = occupation THEN certified
            ELSE ',' || {_cells(CERTIFIED)}
        END""",
        *(f"coalesce(',' || \"{name}\"::text, ',')" for name in more),
        "')'",
    ]
    return " || ".join(parts)


# The facts of most of those who had a grant before, without a job, as they stand in a composite text; NULL for the others.
GRANTED = """trainings_paid_lifetime::text
    || CASE
        WHEN trainings_paid_this_year = 0 AND skill_upgrades_paid_this_year = 0 THEN ',0,0,'
        ELSE ',' || trainings_paid_this_year || ',' || skill_upgrades_paid_this_year || ','
    END
    || CASE WHEN same_occupation_level_paid THEN 't,' WHEN NOT same_occupation_level_paid THEN 'f,' END
    || highest_level_paid
    || CASE
        WHEN (training_paid_for_certificate OR skill_upgrade_paid_for_certificate OR fund_double_paid) IS FALSE
            THEN ',f,f,f,,,,'
        WHEN training_paid_for_certificate IS NULL AND skill_upgrade_paid_for_certificate IS NULL AND NOT fund_double_paid
            THEN ',,,f,,,,'
    END"""
# The facts that `known_text` puts last: a class has them in words, of those who have what it leads to.
CERTIFIED = ("exam_passed", "certificate_kind", "certificate_level", "certificate_occupation", "certificate_registered")


def _cells(names: Iterable[str]) -> str:
    """Facts as they stand in a composite text, with commas between them."""
    return f"right(left(ROW({', '.join(map(_cell, names))})::text, -1), -1)"


def _cell(name: str) -> str:
    """A fact as a column; a fraction as one text."""
    return f'"{name}" || \'/\' || "{name}_den"' if LINE_FACTS[name] == "fraction" else f'"{name}"'


def line_facts(chosen: Chosen, *, more: Mapping[str, str] | None = None) -> tuple[str, dict[str, Any]]:
    """The relation of the chosen lines with its parameters: `id`, every fact (NULL: unknown), `evidence`, `prepaid`, …

    `more` are further columns by name, expressions over the line `l` and its class `k`.
    """
    shared = {name: f'k."{name}"' for name in ("region_id", *CLASS_FACTS)}
    found = gathered(chosen, more=shared | dict(more or {}))
    return f"WITH {found.classes},\n{found.parts}\n{found.lines}\n{WITH_CLASS}", found.parameters


@dataclass(frozen=True)
class Gathered:
    """The facts of chosen lines in three parts: named relations that are read once, those of a range of people, the lines.

    What the lines share is the relation `classes`, by `claim_id`. `lines` is the select of `id`, `claim_id`, `OWN_FACTS`,
    `prepaid` and `evidence` from the relation `l`. Where ranges of people are chosen, the second and third part read those of `part`
    (`part.first_person`, `part.last_person`), which `ranges` gives one after another.
    """

    classes: str
    parts: str
    lines: str
    parameters: dict[str, Any]
    ranges: str = ""


def gathered(
    chosen: Chosen, *, more: Mapping[str, str] | None = None, bound: tuple[str, Sequence[str]] = ("", ())
) -> Gathered:
    """The same in parts. `bound` is a join to the claim's project `p` and class `k`, and the names of its columns that each
    class gets; the first of them each line has as well. `more` are expressions over the lines `l`.
    """
    ranks = ", ".join(f"'{code}'" for code in lawbook().facts.codes["level"])
    join, columns = bound
    names = [name.rpartition(".")[2] for name in columns]
    within = dict.fromkeys((*PERSON, "c"), "") | {"k": " WHERE TRUE", "people": ""}
    if chosen.people:
        within |= {a: f" AND {a}.{c} BETWEEN part.first_person AND part.last_person" for a, c in PERSON.items()}
        for alias, column in (("k", "claim_id"), ("c", "id")):
            within[alias] += FEW.format(alias, column)
    else:
        within |= {a: f" AND {a}.{PERSON[a]} IN (SELECT person_id FROM people)" for a in REGISTERS}
        within["people"] = PEOPLE.format(lines=chosen.lines)
    text = _template().format(
        claims=chosen.claims,
        lines=chosen.lines,
        levels=f"ARRAY[{ranks}]",
        alike=", ".join(f'k."{name}"' for name in CLASS_FACTS),
        bound=f"\n{join}" if join else "",
        bound_columns="".join(f", {name}" for name in columns),
        carried="".join(f", k.{name}" for name in names[:1]),
        once="MATERIALIZED " if chosen.people else "",
        first="claim_line l" if chosen.people else CLASSES_FIRST,
        age=AGE,
        one_grant=_grants_array(one=True),
        each_grant=_grants_array(one=False),
        more="".join(f', {expression} AS "{name}"' for name, expression in (more or {}).items()),
        status=STATUS,
        membership=MEMBERSHIP,
        **within,
    )
    before, lines = text.split("\n)\nSELECT ")
    classes, parts = before.removeprefix("WITH ").split(FIRST_PART, 1)
    parameters: dict[str, Any] = {"city": chosen.city_code, **chosen.parameters}
    if not chosen.people:
        return Gathered(f"{classes}\n)", f"{parts}\n)", f"SELECT {lines}", parameters)
    first, last = zip(*chosen.people, strict=True)
    parameters |= {"first_people": list(first), "last_people": list(last)}
    if chosen.run is None:
        return Gathered(f"{classes}\n)", f"{parts}\n)", f"SELECT {lines}", parameters, f"{RANGES} AS part {RANGE}")
    return Gathered(f"{classes}\n)", f"{parts}\n)", f"SELECT {lines}", parameters | {"run": chosen.run}, FREE_RANGES)


# Where the template's relations of a range begin.
FIRST_PART = "\n),\n"
WITH_CLASS = "JOIN classes k ON k.claim_id = l.claim_id"
PEOPLE = """people AS MATERIALIZED (
    SELECT DISTINCT l.person_id
    FROM classes k
    JOIN claim_line l ON l.city_code = k.city_code AND l.claim_id = k.claim_id
    WHERE l.city_code = %(city)s AND {lines}
),
"""
RANGE = "(first_person, last_person)"
RANGES = "unnest(%(first_people)s::bigint[], %(last_people)s::bigint[])"
# Asked of a range when its turn has come, and not before.
FREE_RANGES = f"""(
    SELECT * FROM {RANGES} AS each {RANGE}
    WHERE pg_try_advisory_xact_lock(hashint8extended(each.first_person, %(run)s))
) AS part"""
# Always true; the planner expects one row in two hundred to pass. As many it expects in a range of people whose ends it does
# not know: what is joined to the lines of a range has to seem smaller, or it hashes the lines, which are wide.
FEW = " AND mod({0}.{1}, 1) = 0"
CLASSES_FIRST = "classes k JOIN claim_line l ON l.city_code = k.city_code AND l.claim_id = k.claim_id"
# The answer of a register: the latest, then the newest row. A membership: the strongest evidence, then the latest; 0 above
# the day means self-declared.
STATUS = "((s.checked_on - DATE '1900-01-01')::bigint << 44) + (s.id << 1) + s.holds::int"
MEMBERSHIP = """(CASE m.evidence WHEN 'register' THEN 2 WHEN 'document' THEN 1 ELSE 0 END::bigint << 61)
    + ((m.valid_from - DATE '1900-01-01')::bigint << 43) + m.id"""
# The age on a day, of a line's `days` since birth, the day's `year` and `month_day` and the `birth_date`. From the days alone but
# for two on either side of a birthday, by which leap years may move it: taking dates apart costs more.
AGE = """CASE WHEN l.days > 366 AND (l.days * 4 - 8) / 1461 = (l.days * 4 + 8) / 1461 THEN l.days * 4 / 1461
    ELSE l.year - date_part('year', l.birth_date)::int
        - (l.month_day < date_part('month', l.birth_date)::int * 100 + date_part('day', l.birth_date)::int)::int
END::bigint"""
# What a line asks of a person's earlier grants: over grants `g` an aggregate, of what, and on which condition. A number that
# chooses a grant packs its rank or day above its id.
GRANT_PACKED = "(({g}granted_on - DATE '1900-01-01')::bigint << 40) + {g}id"
# The certificate that counts now, or one in whose place it came. Only a number that is another is looked up, each by itself:
# joined, the whole table would be read.
GRANT_CERTIFIED = """{g}certificate_number <> '' AND t.id IS NOT NULL AND ({g}certificate_number = t.number OR EXISTS (
    SELECT 1 FROM certificate i
    WHERE i.city_code = %(city)s AND i.number = {g}certificate_number AND i.result_id = r.id
    OFFSET 0
))"""
GRANT_ASKED = (
    ("count", "1", "TRUE"),
    ("count", "1", "{g}scheme = 'training'"),
    ("count", "1", "{g}scheme = 'training' AND date_part('year', {g}granted_on) = k.year"),
    ("count", "1", "{g}scheme = 'skill_upgrade' AND date_part('year', {g}granted_on) = k.year"),
    # The highest level, of several grants the earliest.
    (
        "max",
        "({g}level::bigint << 58) - " + GRANT_PACKED.replace("+", "-"),
        "{g}scheme = 'training' AND {g}occupation_code = k.occupation",
    ),
    (
        "min",
        GRANT_PACKED,
        "{g}scheme = 'training' AND {g}occupation_code = k.occupation AND k.rank > 0 AND {g}level = k.rank",
    ),
    (
        "min",
        GRANT_PACKED,
        "{g}fund_source = 'unemployment_insurance' AND {g}occupation_code = k.occupation AND {g}level = k.rank",
    ),
    ("min", GRANT_PACKED, GRANT_CERTIFIED),
    ("count", "1", "{g}scheme = 'training' AND " + GRANT_CERTIFIED),
    ("count", "1", "{g}scheme = 'skill_upgrade' AND " + GRANT_CERTIFIED),
)


def _grants_array(*, one: bool) -> str:
    """The answers on the earlier grants `g` as an array; of a person with one grant, on that as the relation `lines` has it."""
    if one:
        asked = (f"CASE WHEN {when} THEN {value} END".format(g="l.grant_") for _, value, when in GRANT_ASKED)
    else:
        asked = (f"{chosen}({value}) FILTER (WHERE {when})".format(g="g.") for chosen, value, when in GRANT_ASKED)
    return f"ARRAY[{', '.join(asked)}]::bigint[]"
