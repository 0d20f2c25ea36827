"""The compile report: what a careful reader would ask about the texts, with the place and the mend.

An error is something that cannot be meant (a rule nobody can ever fail, two versions over one day). A warning wants a
second look. A note tells what the texts leave open: cells not offered, figures not confirmed, clauses without rules.
What does not load at all (an unknown unit, a missing citation) never gets here: `PolicyStore.load` refuses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from zhaoliang.policy.conflicts import DIRECTIONS, Conflict, Direction, conflicts
from zhaoliang.policy.findings import KINDS, SEVERITIES, Finding, Kind, Reader, Severity
from zhaoliang.policy.many import TOO_LONG, unlike
from zhaoliang.policy.model import Document
from zhaoliang.policy.report_figures import FiguresReport
from zhaoliang.policy.report_rules import RulesReport, Shown
from zhaoliang.policy.store import PolicyStore

__all__ = ["KINDS", "SEVERITIES", "Conflict", "Finding", "Kind", "Report", "Severity", "report"]
RECORD = "要据此拒绝，须在规则里写 decision: {by, number, on, text}（谁、文号、日期、所依据的本地条文）"
RANK: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
WEIGHT: dict[Direction, Severity] = {"tightens": "note", "restates": "note", "widens": "warning", "hukou": "warning"}


@dataclass(frozen=True, slots=True)
class Report:
    """The findings, gravest first; the places where a lower text departs from a higher one; and what was counted."""

    findings: tuple[Finding, ...]
    conflicts: tuple[Conflict, ...]
    counts: Mapping[str, int]

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings of one weight."""
        return tuple(finding for finding in self.findings if finding.severity == severity)


def report(store: PolicyStore, documents: Iterable[Document] | None = None) -> Report:
    """The report on these documents of the store, on all by default. Scenarios of all texts count as shown."""
    chosen = store.documents if documents is None else tuple(documents)
    shown = Shown(store.runs)
    held = tuple(one for one in conflicts(store) if any(one.document is document for document in chosen))
    findings: list[Finding] = []
    for document in chosen:
        reader = Reader(store, document)
        findings += FiguresReport(reader).findings()
        findings += RulesReport(reader, shown).findings()
        findings += _disagreements(reader, shown)
        findings += _held_back(reader, held)
        # Of a whole library the engines' own tests ask this.
        findings += _together(reader, shown) if documents is not None else ()
    findings += [_of_conflict(store, conflict) for conflict in held]
    findings.sort(key=lambda one: (RANK[one.severity], one.place))
    return Report(tuple(findings), held, _counts(store, chosen, shown, findings))


def _disagreements(reader: Reader, shown: Shown) -> Iterator[Finding]:
    """Scenarios whose expectation the rules do not meet."""
    for run in shown.runs:
        if run.document is reader.document and run.problem:
            place = next(place for place, one in enumerate(run.document.scenarios) if one is run.scenario)
            text = f"情形“{run.scenario.name}”不符：{run.problem}"
            yield reader.found(f"scenarios.{place}", "scenario", "error", text, "改正规则或情形")


def _together(reader: Reader, shown: Shown) -> Iterator[Finding]:
    """Scenarios that the engine for many lines does not answer as one line is answered."""
    for place, problem in unlike(shown.runs, reader.document):
        text = f"情形“{reader.document.scenarios[place].name}”：{problem}"
        mend = "核对是否多写了零；比例少写几位小数，或写成分数，如 1/3" if problem == TOO_LONG else "请报告给平台"
        yield reader.found(f"scenarios.{place}", "many", "error", text, mend)


def _held_back(reader: Reader, held: tuple[Conflict, ...]) -> Iterator[Finding]:
    """Rules by residence where the clause that forbids them is not among the texts read."""
    told = {one.part for one in held if one.document is reader.document and one.direction == "hukou"}
    for rule in reader.document.rules:
        if rule.note and rule.part not in told:
            yield reader.found(rule.part, "conflict", "warning", f"{rule.says}：{rule.note}", RECORD, rule.cite)


def _of_conflict(store: PolicyStore, conflict: Conflict) -> Finding:
    severity = "note" if conflict.direction == "hukou" and conflict.binding else WEIGHT[conflict.direction]
    text = f"{DIRECTIONS[conflict.direction]}：{conflict.text}；上级依据：{conflict.higher}“{conflict.higher.excerpt}”"
    mend = RECORD if conflict.direction == "hukou" and not conflict.binding else ""
    return Reader(store, conflict.document).found(conflict.part, "conflict", severity, text, mend, conflict.lower.key)


def _counts(
    store: PolicyStore, documents: tuple[Document, ...], shown: Shown, findings: list[Finding]
) -> Mapping[str, int]:
    """What was read, by name in Chinese, and how many findings of each weight."""
    clauses = [clause for document in documents for clause in document.clauses.values()]
    figures = [figure for document in documents for figure in document.parameters.values()]
    tables = [table for document in documents for table in document.tables.values()]
    ids = {id(document) for document in documents}
    cites = [store.citations.get(cite) for document, _, cite in store.cites() if id(document) in ids]
    runs = [run for run in shown.runs if id(run.document) in ids]
    return {
        "文件": len(documents),
        "条款": len(clauses),
        "未核实条款": sum(not clause.verified for clause in clauses),
        "规则": sum(len(document.rules) for document in documents),
        "参数": len(figures),
        "分日期数值": sum(len(figure.values) for figure in figures),
        "标准表": len(tables),
        "标准表数值": sum(len(version.rows) for table in tables for version in table.versions),
        "金额": sum(len(document.amounts) for document in documents),
        "时限": sum(len(document.clocks) for document in documents),
        "引用": len(cites),
        "引用有条款": sum(clause is not None for clause in cites),
        "引用未核实": sum(clause is not None and not clause.verified for clause in cites),
        "情形": len(runs),
        "情形相符": sum(not run.problem for run in runs),
    } | {label: sum(one.severity == severity for one in findings) for severity, label in SEVERITIES.items()}
