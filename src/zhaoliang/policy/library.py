"""Reading many policy files together, and checking what one asks of another: citations, fills, restatements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from zhaoliang.policy.counts import count_fact
from zhaoliang.policy.doubted import bare, doubted, nameless
from zhaoliang.policy.errors import PolicyFileError, UnknownCitation
from zhaoliang.policy.facts import DECLARING, FactSchema
from zhaoliang.policy.files import NATION, Source
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.kept import document_of
from zhaoliang.policy.load import Draft, read_draft
from zhaoliang.policy.model import RULE_PARTS, Document, OpenTerm
from zhaoliang.policy.wording import decimal_text, figure_text

if TYPE_CHECKING:
    from zhaoliang.policy.store import PolicyStore

LEVELS = {"nation": "国家", "province": "省", "city": "市", "county": "县"}


def region_chain(region_code: int) -> tuple[int, ...]:
    """The regions whose texts bind there, nation first: 370900 → 100000, 370000, 370900."""
    chain = (NATION, region_code // 10000 * 10000, region_code // 100 * 100, region_code)
    return tuple(dict.fromkeys(chain))


def level_of(region_code: int) -> str:
    """The level of a region: nation, province, city or county."""
    if region_code == NATION:
        return "nation"
    return "province" if region_code % 10000 == 0 else "city" if region_code % 100 == 0 else "county"


@dataclass(frozen=True, slots=True)
class Library:
    """The sound documents, the fact schema of each region and of all, and the faults of the others."""

    documents: tuple[Document, ...]
    facts: FactSchema
    schemas: Mapping[int, FactSchema]
    problems: tuple[PolicyFileError, ...]
    left_out: frozenset[str]


def read_library(base: FactSchema, shape: Path, sources: Iterable[Source]) -> Library:
    """Every file read as far as it holds. A text may use the facts its own and higher regions' texts declare.

    A text that binds already and has faults is among the documents with a doubt, and not among the problems.
    """
    problems: list[PolicyFileError] = []
    drafts: list[Draft] = []
    schemas: dict[int, FactSchema] = {}
    documents: list[Document] = []
    left_out: set[str] = set()
    unread = False
    form = shape.read_bytes()
    for source in sources:
        try:
            drafts.append(read_draft(source, form))
        except PolicyFileError as problem:
            named = nameless(source) if source.accepted else None
            if named is not None:
                documents.append(doubted(named, problem.problems, base.schemes))
                left_out.add(named.id)
                continue
            problems += problem.problems
            unread = True
    broken: dict[str, set[str]] = {}
    own: dict[str, list[PolicyFileError]] = {}
    for region in sorted({NATION, *(draft.region for draft in drafts)}):
        held, chain = base, [draft for draft in drafts if draft.region in region_chain(region)]
        # Last those that bind already: where a release's own texts use a name otherwise, the doubt is the enacted one's.
        for draft in sorted(chain, key=lambda one: one.source.accepted):
            held, found = held.extended(draft.tree, draft.id, alone=_alone(chain))
            told = own.setdefault(draft.source.shown, []) if draft.source.accepted else problems
            told += [one for one in found if str(one) not in {str(known) for known in told}]
            broken.setdefault(draft.id, set()).update(one.path.split(".")[1] for one in found)
        schemas[region] = held
    for draft in drafts:
        chain = [one for one in drafts if one.region in region_chain(draft.region)]
        declare = (base, _alone(chain), *(one.tree for one in chain if not DECLARING.isdisjoint(one.tree.data)))
        try:
            known = draft.without(broken[draft.id], own.get(draft.source.shown, ()))
            made = document_of(known, schemas[draft.region], declared_by=declare)
            documents.append(made)
            left_out |= {made.id} if made.doubts else set()
        except PolicyFileError as problem:
            problems += problem.problems
            left_out.add(draft.id)
    for region, schema in schemas.items():
        rules = [rule for one in documents if one.region in region_chain(region) for rule in one.rules]
        counts = {count.column: count_fact(count, schema) for rule in rules for count in rule.counts}
        schemas[region] = schema.with_facts(counts)
    facts = reduce(lambda above, below: below.joined(above), schemas.values(), base)
    return Library(
        tuple(documents), facts, schemas, tuple(problems), frozenset(left_out | ({"*"} if unread else set()))
    )


def settled(
    store: PolicyStore, left_out: frozenset[str], binding: Container[str]
) -> tuple[tuple[Document, ...], list[PolicyFileError]]:
    """The documents, those with a fault among them doubted that bind already, and the faults of the others.

    `binding` are the files of the texts that bind already.
    """
    held, bared = store, set[str]()
    while True:
        faults: dict[str, list[PolicyFileError]] = defaultdict(list)
        for problem in check_store(held, left_out):
            if problem.file not in bared:
                faults[problem.file].append(problem)
        found = {file for file in faults if file in binding}
        if not found:
            return held.documents, [problem for told in faults.values() for problem in told]
        left_out |= {one.id for one in held.documents if one.file in found}
        bared |= found
        # Without its parts nothing else can rest on them: their fills are open again, their names free.
        documents = tuple(
            doubted(bare(one), faults[one.file], store.facts.schemes) if one.file in found else one
            for one in held.documents
        )
        held = replace(held, documents=documents)


def _alone(chain: list[Draft]) -> bool:
    """Whether no other document shares the chain's facts."""
    return len({one.id for one in chain}) == 1


SECTIONS: dict[str, str] = {
    **RULE_PARTS,
    "parameter": "parameters",
    "table": "tables",
    "amount": "amounts",
    "clock": "clocks",
    "open": "opens",
    "condition": "conditions",
}


def check_store(store: PolicyStore, left_out: frozenset[str]) -> Iterator[PolicyFileError]:
    """What the documents ask of each other and do not get. `left_out`: ids of faulty ones (`*`: some have no id)."""
    yield from _versions(store)
    yield from _citations(store, left_out)
    for document in store.documents:
        yield from _fills(store, document, left_out)
        yield from _restatements(store, document)


def _error(document: Document, section: str, name: str, problem: str, cite: str = "") -> PolicyFileError:
    part, clause = f"{section}.{name}", document.clauses.get(cite.partition("#")[2])
    return PolicyFileError(document.file, part, problem, document.line(part), clause.ref if clause else "")


def _citations(store: PolicyStore, left_out: frozenset[str]) -> Iterator[PolicyFileError]:
    named = (
        (document, f"condition {name}", condition.cite)
        for document in store.documents
        for name, condition in document.conditions.items()
    )
    for document, part, cite in (*store.cites(), *named):
        target = cite.partition("#")[0]
        try:
            store.citation(cite)
        except UnknownCitation:
            if target in left_out or "*" in left_out:
                continue
            kind, name = part.split()[0], part.split()[-1]
            held = [key for key in store.citations if key.startswith(f"{target}#")]
            hint = nearest(cite, held) if held else f"。请把 {target} 的文件一起给出，或核对文件号"
            yield _error(document, SECTIONS[kind], name, f"没有条款 {cite!r}{hint}")


def _fills(store: PolicyStore, document: Document, left_out: frozenset[str]) -> Iterator[PolicyFileError]:
    for key, name in document.fills.items():
        term, parameter = _term(store, key), document.parameters.get(name)
        if term is None:
            if key.partition("#")[0] not in left_out and "*" not in left_out:
                target = key.partition("#")[0]
                held = any(one.id == target for one in store.documents)
                known = [f"{one.id}#{term}" for one in store.documents for term in one.opens]
                hint = nearest(key, known) if held else f"。请把 {target} 的文件一起给出，或核对文件号"
                yield _error(document, "fills", key, f"没有开放项 {key!r}{hint}")
            continue
        if parameter is None and document.doubts:
            continue
        if parameter is None:
            yield _error(document, "fills", key, f"本文件没有参数 {name!r}{nearest(name, document.parameters)}")
            continue
        if parameter.unit != term.unit:
            yield _error(document, "parameters", name, f"单位是 {parameter.unit}，开放项 {key} 的单位是 {term.unit}")
            continue
        if term.set_by and term.set_by != level_of(document.region):
            yield _error(document, "fills", key, f"{term.says}由{LEVELS[term.set_by]}级确定，本文件不能填")
        for dated in parameter.values:
            if not _within(dated.value, term):
                said = store.citation(term.cite) if term.cite in store.citations else term.cite
                problem = (
                    f"{_figure(dated.value, parameter.unit)} 超出 {key} 的范围（{_bounds(term)}，{said}）"
                    f"。核对本文件的数值，或上级的 at_least、at_most"
                )
                yield _error(document, "parameters", name, problem, dated.cite)


def _figure(value: int | Fraction | date, unit: str) -> str:
    """The figure as a file writes it, with its meaning where that is another: 0.35（35%）, 90000（¥900.00）."""
    written = str(value) if isinstance(value, date) else decimal_text(value)
    shown = figure_text(value, unit)
    return written if shown == written else f"{written}（{shown}）"


def _bounds(term: OpenTerm) -> str:
    low = f"不低于 {_figure(term.at_least, term.unit)}" if term.at_least is not None else ""
    high = f"不高于 {_figure(term.at_most, term.unit)}" if term.at_most is not None else ""
    return "、".join(word for word in (low, high) if word)


def _versions(store: PolicyStore) -> Iterator[PolicyFileError]:
    """Two files that are the same version of one document: only one of them would be read."""
    seen: dict[tuple[str, date], Document] = {}
    for document in store.documents:
        other = seen.setdefault((document.id, document.start), document)
        if other is not document:
            problem = (
                f"与 {other.file} 是同一文件的同一版本（{document.id}，都自 {document.start} 起）"
                "。新版本写新的 in_force.from，另一份文件写另一个 id；多余的一份不要一起给出"
            )
            yield PolicyFileError(document.file, "document", problem, document.line("document"))


def _term(store: PolicyStore, key: str) -> OpenTerm | None:
    document_id, _, name = key.partition("#")
    return next((one.opens[name] for one in store.documents if one.id == document_id and name in one.opens), None)


def _within(value: int | Fraction | date, term: OpenTerm) -> bool:
    if isinstance(value, date):
        return True
    low, high = term.at_least, term.at_most
    return (low is None or value >= low) and (high is None or value <= high)


def _restatements(store: PolicyStore, document: Document) -> Iterator[PolicyFileError]:
    """A rule of the same name stands for the higher one only by citing its clause (`also`)."""
    chain = region_chain(document.region)
    higher = [one for one in store.documents if one.region != document.region and one.region in chain]
    for rule in document.rules:
        for other in higher:
            same = next((one for one in other.rules if one.id == rule.id), None)
            if same is not None and same.cite not in rule.also:
                yield _error(
                    document,
                    SECTIONS[rule.kind],
                    rule.id,
                    f"与 {other.id} 的规则同名。是重申那一条的，写 also: [{same.cite}]；不是的，请换个名称",
                    rule.cite,
                )
