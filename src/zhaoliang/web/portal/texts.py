"""The policy texts as the public reads them: each document, its clauses, and what the platform makes of each clause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from zhaoliang.kernel.errors import NotFound
from zhaoliang.policy import Document
from zhaoliang.policy.expressions import Node, names_in, tables_in
from zhaoliang.policy.model import Amount
from zhaoliang.policy.mutants import nodes_of_amount
from zhaoliang.policy.wording import figure_text
from zhaoliang.registry import selectors
from zhaoliang.registry.lawbook import lawbook


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
    """A document with its clauses in order, and the days its versions begin, first one first."""

    card: DocumentCard
    clauses: tuple[ClauseText, ...]
    versions: tuple[date, ...]


def latest(on: date) -> list[Document]:
    """The version of each text that is read on that day (the first one where none has begun yet), in order of the library."""
    found: dict[str, Document] = {}
    for document in sorted(lawbook().documents, key=lambda one: one.start):
        if document.id not in found or document.start <= on:
            found[document.id] = document
    return [document for document in lawbook().documents if found[document.id] is document]


def documents(on: date, *, region_codes: tuple[int, ...] = ()) -> list[DocumentCard]:
    """The latest version of each document by that day, nation first; only texts of these regions when some are named."""
    chosen = [document for document in latest(on) if not region_codes or document.region in region_codes]
    names = _region_names({document.region for document in chosen})
    cards = [_card(document, on, names) for document in chosen]
    return sorted(cards, key=lambda card: (card.document.region, not card.in_force, -card.document.start.toordinal()))


def versions_of(document_id: str) -> list[Document]:
    """Every version of a text, the first one first. Raises NotFound."""
    versions = sorted((one for one in lawbook().documents if one.id == document_id), key=lambda one: one.start)
    if not versions:
        raise NotFound(what="没有这份文件。", why="平台的政策库里没有收录它。", next_step="请从政策列表进入。")
    return versions


def document_on(document_id: str, on: date) -> Document:
    """A text in the version of that day (the first one when it is not in force yet). Raises NotFound."""
    versions = versions_of(document_id)
    return next((one for one in reversed(versions) if one.start <= on), versions[0])


def document_page(document_id: str, on: date) -> DocumentPage:
    """A document in the version of that day. Raises NotFound."""
    document = document_on(document_id, on)
    made = made_of(document, on)
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
    return DocumentPage(card_of(document, on), clauses, tuple(one.start for one in versions_of(document_id)))


def card_of(document: Document, on: date) -> DocumentCard:
    """The head of a document's pages."""
    return _card(document, on, _region_names({document.region}))


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
    names = selectors.region_names(codes)
    # A text may name a region by the code that it had in its day.
    return names | {code: selectors.region(code).name for code in sorted(codes - names.keys())}


RULE_NAMES = {"rule": "规则", "limit": "限次", "exclusion": "互斥", "stacking": "叠加次序"}


def unconfirmed(document: Document, nodes: Iterable[Node | None], on: date) -> tuple[str, ...]:
    """The figures and tables that these expressions of a document read on that day and whose clause nobody has read."""
    book, found = lawbook(), dict[str, None]()
    for node in nodes:
        for name in names_in(node):
            clock, parameter = document.clocks.get(name.name), document.parameters.get(name.name)
            dated = parameter.on(on) if parameter is not None else None
            if not name.is_fact and clock is not None and not book.citation(clock.cite).verified:
                found[clock.says] = None
            if not name.is_fact and parameter is not None and dated and not book.citation(dated.cite).verified:
                found[parameter.says] = None
        for table in (document.tables[one] for one in tables_in(node)):
            version = table.on(on)
            if version is not None and not (version.verified and book.citation(version.cite).verified):
                found[table.says] = None
    return tuple(found)


def nodes_of_sum(amount: Amount) -> tuple[Node | None, ...]:
    """Every expression an amount is worked out by, whom it is paid to included."""
    return (*nodes_of_amount(amount), amount.pay_to)


def made_of(wanted: Document, on: date) -> dict[str, list[Made]]:
    """What every document makes of the clauses of one document, by `document#clause`; what it reads as on that day."""
    made: dict[str, list[Made]] = {}

    def add(cite: str, one: Made) -> None:
        if cite.startswith(f"{wanted.id}#") and one not in made.setdefault(cite, []):
            made[cite].append(one)

    for document in lawbook().documents:
        for rule in document.rules:
            for cite in (rule.cite, *rule.also):
                if cite.startswith(f"{wanted.id}#"):
                    doubts = unconfirmed(document, (rule.when, rule.must), on)
                    add(cite, Made(RULE_NAMES[rule.kind], f"{rule.asks}{'（所用数值未核）' if doubts else ''}"))
        for clock in document.clocks.values():
            add(clock.cite, Made("期限", clock.says, figure_text(clock.value, clock.unit)))
        for parameter in document.parameters.values():
            for dated in parameter.values:
                add(dated.cite, Made("数值", parameter.says, figure_text(dated.value, parameter.unit)))
        for table in document.tables.values():
            for version in table.versions:
                note = "（数值未核）" if not version.verified else ""
                add(version.cite, Made("标准表", f"{table.says}{note}", f"{len(version.rows)} 行"))
        for amount in document.amounts:
            add(amount.cite, Made("金额", amount.says))
            for step in amount.steps:
                for cite in (step.cite, *step.also):
                    add(cite, Made("金额", f"{amount.says}：{step.label}"))
            for part in amount.instalments.parts if amount.instalments is not None else ():
                add(part.cite, Made("金额", f"{amount.says}：{part.label}"))
            if amount.pay_cite:
                add(amount.pay_cite, Made("金额", f"{amount.says}：付给谁"))
        for term in document.opens.values():
            add(term.cite, Made("留给地方定", term.says))
    return made
