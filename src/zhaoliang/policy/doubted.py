"""Texts that bound people and that this release cannot read whole: nobody is decided by them, everything goes to a person.

An enacted text is never left out: then an older one would decide by its figures. What can be read of it stays, and a rule
that nobody can answer stands for the rest, on every engine alike (docs/decisions/0006-enacted-texts.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import date

import yaml

from zhaoliang.policy.errors import PolicyFileError
from zhaoliang.policy.expressions import Constant, Name, Operation
from zhaoliang.policy.files import IN_LIBRARY, Source, Tree, region_of
from zhaoliang.policy.model import PHASES, Clause, Document, Rule
from zhaoliang.policy.units import BOOL, number

COUNT = number("count")
CLAUSE = "unread"
# A figure that no text sets: the engines have no answer for it.
NO_FIGURE = "这份文本里现在读不出来的部分"
NOTE = "政策文本读不出来，转人工"
MOST_TOLD = 3
# Parts that other texts and schemes may rest on: where an entry is lost, nobody can tell which.
FIGURES = ("parameters", "tables", "clocks", "opens", "fills")


def doubted(document: Document, problems: Sequence[PolicyFileError], schemes: Iterable[str]) -> Document:
    """The document with a rule that sends every line to a person, telling what could not be read."""
    told = "；".join(f"第 {one.line or 1} 行：{one.problem}" for one in problems[:MOST_TOLD])
    more = f"；另有 {len(problems) - MOST_TOLD} 处" if len(problems) > MOST_TOLD else ""
    why = f"平台升级以后，这份文本有 {len(problems)} 处读不出来，由它决定的申请先转人工：{told}{more}。"
    rule = Rule(
        id=f"unread_{hashlib.sha256(document.id.encode()).hexdigest()[:8]}",
        kind="rule",
        asks="政策文本能读出来",
        says=f"《{document.title}》有内容现在读不出来，须由工作人员对照原文核定",
        remedy="请等待工作人员核定；不需要您补交材料。",
        must=Operation(BOOL, ">=", (Name(COUNT, NO_FIGURE, False), Constant(COUNT, 1))),
        when=None,
        source="",
        cite=f"{document.id}#{CLAUSE}",
        also=(),
        schemes=frozenset(schemes),
        phases=frozenset(PHASES),
        review_only=True,
        note=NOTE,
    )
    return replace(
        document,
        # Another content than the text's own: a decision made by the text as it was read then is not made again by this.
        content_hash=f"unread-{document.content_hash}",
        notice="\n".join(part for part in (document.notice, why) if part),
        clauses={**document.clauses, CLAUSE: Clause(CLAUSE, "全文", why, True)},
        rules=(*document.rules, rule),
        doubts=tuple(problems),
    )


def doubts(document: Document, scheme: str) -> bool:
    """Whether the document says nothing certain of the scheme."""
    return bool(document.doubts) and any(rule.note == NOTE and scheme in rule.schemes for rule in document.rules)


def waiting(rule: Rule) -> Rule:
    """The rule without the power to refuse."""
    return replace(rule, review_only=True, note=rule.note or NOTE)


def schemes_in(tree: Tree, known: Collection[str], problems: Sequence[PolicyFileError]) -> frozenset[str]:
    """The schemes a file names, faulty entries included; all where it names none or has lost a figure: others may use it."""
    if any(problem.path.startswith(FIGURES) for problem in problems):
        return frozenset(known)
    left, named = [tree.root], set[str]()
    while left:
        node = left.pop()
        if isinstance(node, yaml.ScalarNode):
            named |= {node.value} & set(known)
        elif isinstance(node, yaml.MappingNode):
            left += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            left += node.value
    return frozenset(named or known)


def bare(document: Document) -> Document:
    """The document's head and clauses, without anything that rests on them; what it filled stays filled, by nothing."""
    return replace(
        document,
        parameters={},
        tables={},
        clocks={},
        opens={},
        conditions={},
        rules=(),
        amounts=(),
        scenarios=(),
    )


def nameless(source: Source) -> Document | None:
    """What the place of a text says of one whose head cannot be read; None outside a library."""
    found = IN_LIBRARY.fullmatch(source.key)
    if found is None:
        return None
    return Document(
        id=f"{found[1]}/{found[2]}",
        title=found[2],
        number="",
        issuers=("（读不出来）",),
        start=date.fromisoformat(found[3]),
        end=None,
        region=region_of(found[1]),
        authority="binding",
        notice="",
        source="",
        repeals=(),
        content_hash=hashlib.sha256(source.content).hexdigest(),
        file=source.shown,
        clauses={},
    )
