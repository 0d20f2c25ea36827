"""Where each clause of the texts is expressed: the rules, figures and amounts that rest on it, or why there are none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from zhaoliang.policy.model import Clause, Document
from zhaoliang.policy.store import PolicyStore

# Why nothing rests on a clause, by the code written at it (`no_rule`).
REASONS = {
    "aim": "目标、定义和施行",
    "organisation": "部门之间的组织和资金管理",
    "permission": "鼓励或许可，不构成条件",
    "process": "由平台的流程保证",
    "elsewhere": "由另一条款表达",
    "lower": "留给下级或另文规定，文本未见",
    "other": "不属于平台办理的事项",
}
FORBIDS = "下级不得以此为条件，编译报告据此核对"


@dataclass(frozen=True, slots=True)
class Covered:
    """A clause with what rests on it, by name (`rules training_lifetime`), or why nothing does; both empty: not told."""

    document: Document
    clause: Clause
    parts: tuple[str, ...]
    reason: str


def coverage(store: PolicyStore, documents: Iterable[Document]) -> Iterator[Covered]:
    """Each clause of the documents; what rests on it is looked for in all texts of the store."""
    resting: dict[str, list[str]] = defaultdict(list)
    for document, part, cite in store.cites():
        resting[cite].append(_named(document, cite, part.split()[-1]))
    for document in store.documents:
        for condition in document.conditions.values():
            resting[condition.cite].append(_named(document, condition.cite, condition.name))
    for document in documents:
        for clause in document.clauses.values():
            parts = tuple(dict.fromkeys(resting[f"{document.id}#{clause.id}"]))
            reason = REASONS[clause.no_rule] if clause.no_rule else FORBIDS if clause.forbids else ""
            yield Covered(document, clause, parts, reason)


def _named(document: Document, cite: str, name: str) -> str:
    """A part by its name, with its document where that is another one than the clause's."""
    return name if cite.startswith(f"{document.id}#") else f"{document.id}:{name}"


def markdown(rows: Iterable[Covered]) -> Iterator[str]:
    """The table of documents: which clause is expressed where, and of which clauses nothing follows and why."""
    by_document: dict[str, list[Covered]] = defaultdict(list)
    for row in rows:
        by_document[f"{row.document.id} {row.document.start}"].append(row)
    yield "| 文件 | 条款 → 规则、数值、金额 | 没有规则的条款和原因 |"
    yield "|---|---|---|"
    for held in by_document.values():
        document = held[0].document
        expressed = [f"{row.clause.ref} → {'、'.join(row.parts)}" for row in held if row.parts]
        why: dict[str, list[str]] = defaultdict(list)
        for row in held:
            if not row.parts:
                why[row.reason or "没有写明原因"].append(row.clause.ref)
        left = [f"{reason}：{'、'.join(refs)}" for reason, refs in why.items()]
        title = f"{document.title}{document.number}（`{document.id}`，{document.start}起）"
        yield f"| {title} | {'；'.join(expressed)} | {'；'.join(left)} |"
