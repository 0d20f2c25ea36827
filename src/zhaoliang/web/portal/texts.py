"""The policy texts as the public reads them: each document, its clauses, and what the platform makes of each clause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Document
from zhaoliang.registry import selectors
from zhaoliang.registry.lawbook import lawbook

UNITS = {
    "working_days": "个工作日",
    "days": "天",
    "months": "个月",
    "years": "年",
    "hours": "课时",
    "count": "次",
    "people": "人",
    "minutes": "分钟",
    "percent": "%",
}


@dataclass(frozen=True)
class Made:
    """One thing the platform derives from a clause: a rule, a deadline, a figure or an amount, in words."""

    kind: str
    says: str
    value: str = ""


@dataclass(frozen=True)
class ClauseText:
    """A clause with its words and what was made of it."""

    id: str
    ref: str
    text: str
    verified: bool
    source: str
    made: tuple[Made, ...]


@dataclass(frozen=True)
class DocumentCard:
    """A document in the list: in force or not on the day, how many clauses were checked against the original."""

    document: Document
    region_name: str
    in_force: bool
    clauses: int
    verified: int
    rules: int


@dataclass(frozen=True)
class DocumentPage:
    """A document with its clauses in order, and the days of its other versions."""

    card: DocumentCard
    clauses: tuple[ClauseText, ...]
    versions: tuple[date, ...]


def documents(on: date, *, region_codes: tuple[int, ...] = ()) -> list[DocumentCard]:
    """The latest version of each document by that day, nation first; only texts of these regions when some are named."""
    latest: dict[str, Document] = {}
    for document in lawbook().documents:
        held = latest.get(document.id)
        newer = held is None or (held.start < document.start <= on)
        if newer and (not region_codes or document.region in region_codes):
            latest[document.id] = document
    names = _region_names({document.region for document in latest.values()})
    cards = [_card(document, on, names) for document in latest.values()]
    return sorted(cards, key=lambda card: (card.document.region, not card.in_force, -card.document.start.toordinal()))


def document_page(document_id: str, on: date) -> DocumentPage:
    """A document in the version of that day (the first one when it is not in force yet). Raises NotFound."""
    versions = sorted((one for one in lawbook().documents if one.id == document_id), key=lambda one: one.start)
    if not versions:
        raise NotFound(what="没有这份文件。", why="平台的政策库里没有收录它。", next_step="请从政策列表进入。")
    document = next((one for one in reversed(versions) if one.start <= on), versions[0])
    made = _made_of(document)
    clauses = tuple(
        ClauseText(
            clause.id,
            clause.ref,
            clause.text,
            clause.verified,
            clause.source,
            tuple(made.get(f"{document.id}#{clause.id}", ())),
        )
        for clause in document.clauses.values()
    )
    card = _card(document, on, _region_names({document.region}))
    return DocumentPage(card, clauses, tuple(one.start for one in versions if one is not document))


def _card(document: Document, on: date, names: dict[int, str]) -> DocumentCard:
    clauses = document.clauses.values()
    return DocumentCard(
        document,
        names[document.region],
        document.in_force(on),
        len(clauses),
        sum(clause.verified for clause in clauses),
        len(document.rules),
    )


def _region_names(codes: set[int]) -> dict[int, str]:
    return {code: selectors.region(code).name for code in sorted(codes)}


def _made_of(wanted: Document) -> dict[str, list[Made]]:
    """What every document in force makes of the clauses of one document, by `document#clause`."""
    made: dict[str, list[Made]] = {}

    def add(cite: str, one: Made) -> None:
        if cite.startswith(f"{wanted.id}#") and one not in made.setdefault(cite, []):
            made[cite].append(one)

    for document in lawbook().documents:
        for rule in document.rules:
            for cite in (rule.cite, *rule.also):
                add(cite, Made("规则", rule.asks))
        for clock in document.clocks.values():
            add(clock.cite, Made("期限", clock.says, f"{clock.value} {UNITS.get(clock.unit, clock.unit)}"))
        for parameter in document.parameters.values():
            for dated in parameter.values:
                add(dated.cite, Made("数值", parameter.says, figure(dated.value, parameter.unit)))
        for table in document.tables.values():
            for version in table.versions:
                note = "（数值未核）" if not version.verified else ""
                add(version.cite, Made("标准表", f"{table.says}{note}", f"{len(version.rows)} 行"))
        for amount in document.amounts:
            add(amount.cite, Made("金额", amount.says))
            for step in amount.steps:
                add(step.cite, Made("金额", f"{amount.says}：{step.label}"))
        for term in document.opens.values():
            add(term.cite, Made("留给地方定", term.says))
    return made


def figure(value: int | Fraction | date, unit: str) -> str:
    """A figure of a policy for people: ¥500.00, 80 %, 40 课时, a date."""
    if isinstance(value, date):
        return f"{value.year}年{value.month}月{value.day}日"
    if unit == "fen" and Fraction(value).denominator == 1:
        return format_yuan(int(value))
    if unit == "ratio":
        percent = Fraction(value) * 100
        shown = str(percent.numerator) if percent.denominator == 1 else f"{percent.numerator}/{percent.denominator}"
        return f"{shown} %"
    return f"{value} {UNITS.get(unit, unit)}"
