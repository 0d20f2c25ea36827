"""What is wrong with a draft before it may bind: the compile report, its scenarios, what it would do to the others'."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

from zhaoliang.enactments.editing.figures import tree_of
from zhaoliang.enactments.editing.tables import FILE_NAME
from zhaoliang.enactments.editing.versions import path_of, table_files
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Decision, FactError, Outcome, PolicyError, PolicyFileError, PolicyStore
from zhaoliang.policy.conflicts import DIRECTIONS, Conflict
from zhaoliang.policy.model import Document
from zhaoliang.policy.report import KINDS, Report, report
from zhaoliang.policy.scenarios import ScenarioRun
from zhaoliang.registry.lawbook import earliest_effect, library_with, text_files

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One remark on a draft; `line` is its line in the text (0: none), `clause` the clause it is about."""

    severity: Severity
    kind: str
    text: str
    suggestion: str = ""
    line: int = 0
    clause: str = ""


@dataclass(frozen=True)
class ScenarioResult:
    """One scenario of the draft: what it expects, what it got, and what would be written to expect that.

    `as_now`: the text in force gives the same on that day, so it is the day and not the draft that changed the answer.
    """

    index: int
    name: str
    expected: str
    got: str
    ok: bool
    adopt: dict[str, Any]
    as_now: bool = False


@dataclass(frozen=True)
class Departure:
    """Where the draft departs from a higher text, both clauses side by side.

    A rule by hukou or residence (`rule_id`) that is not `binding` refuses nobody until a decision is recorded.
    """

    direction: str
    text: str
    ours: str
    higher: str
    binding: bool
    rule_id: str = ""


@dataclass(frozen=True)
class Checked:
    """The result of a check. A draft with an error goes no further. `counts`: what was read, by name in Chinese."""

    findings: tuple[Finding, ...]
    scenarios: tuple[ScenarioResult, ...] = ()
    departures: tuple[Departure, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity == "error")

    @property
    def ok(self) -> bool:
        return not self.errors

    def to_json(self) -> dict[str, Any]:
        return {
            "findings": [asdict(one) for one in self.findings],
            "scenarios": [asdict(one) for one in self.scenarios],
            "departures": [asdict(one) for one in self.departures],
            "counts": dict(self.counts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Checked:
        return cls(
            tuple(Finding(**one) for one in data.get("findings", ())),
            tuple(ScenarioResult(**one) for one in data.get("scenarios", ())),
            tuple(Departure(**one) for one in data.get("departures", ())),
            dict(data.get("counts", {})),
        )


def draft_path(draft: PolicyDraft) -> str:
    """Where the draft would stand in the library."""
    return path_of(draft.document_id, draft.valid_from)


def draft_files(draft: PolicyDraft) -> dict[str, bytes]:
    """The draft as files over the library: its text and the tables it reads."""
    return text_files(draft_path(draft), draft.content, draft.tables)


@dataclass(frozen=True)
class Trial:
    """A draft in the library: what would bind with it (`library`), beside what binds without it (`store`)."""

    store: PolicyStore
    library: PolicyStore
    document: Document

    @cached_property
    def scenarios(self) -> tuple[list[ScenarioResult], list[Finding]]:
        """The draft's own scenarios, and the others' that hold today and would not with the draft."""
        return _scenarios(self.library, self.store, self.document)

    @cached_property
    def report(self) -> Report:
        """The compile report on the draft."""
        return report(self.library, [self.document])


# Check, what-if and approval of one revision follow each other: the last libraries are kept instead of read again.
_KEPT = 4
_trials: OrderedDict[tuple[int, str], Trial] = OrderedDict()
_trying = threading.Lock()


def trial_of(draft: PolicyDraft, store: PolicyStore) -> Trial:
    """The draft over the library `store` in force. Raises PolicyError when the library does not hold with it."""
    _safe_files(draft)
    files = draft_files(draft)
    digest = hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()
    # A kept trial holds its store, so that the id cannot come to mean another one.
    key = (id(store), digest)
    with _trying:
        if key not in _trials:
            library = library_with(files, before=store)
            document = next(
                one for one in library.documents if (one.id, one.start) == (draft.document_id, draft.valid_from)
            )
            _trials[key] = Trial(store, library, document)
        _trials.move_to_end(key)
        while len(_trials) > _KEPT:
            _trials.popitem(last=False)
        return _trials[key]


def check(draft: PolicyDraft, store: PolicyStore, at: datetime) -> Checked:
    """Everything to be said of the draft against the library `store` that is in force."""
    try:
        trial = trial_of(draft, store)
    except PolicyError as problem:
        return Checked(tuple(_unreadable(problem, draft)))
    findings = [*_head(draft, trial.document, store, at)]
    try:
        scenarios, others = trial.scenarios
        held = trial.report
    except FactError as problem:
        return Checked((*findings, Finding("error", "情形", f"情形里的事实不对：{problem}", "请核对事实名和取值。")))
    findings += others
    # What the scenarios got and where the text departs from higher ones is told apart from the list.
    findings += [
        Finding(one.severity, KINDS[one.kind], one.text, one.suggestion, one.place[1], one.clause)
        for one in held.findings
        if one.kind != "conflict" and (one.kind, one.severity) != ("scenario", "error")
    ]
    departures = tuple(_departure(one) for one in held.conflicts)
    return Checked(tuple(findings), tuple(scenarios), departures, held.counts)


def _safe_files(draft: PolicyDraft) -> None:
    for name in table_files(draft.content):
        if not FILE_NAME.fullmatch(name):
            raise PolicyFileError(draft_path(draft), "tables", f"表格文件名 {name!r} 不行：只能是本文件旁的 .csv 文件")


def _unreadable(problem: PolicyError, draft: PolicyDraft) -> Iterator[Finding]:
    """Every fault that keeps the library from being read with the draft in it, each at its line and clause."""
    if not isinstance(problem, PolicyFileError):
        yield Finding("error", "文本", str(problem))
        return
    for one in problem.problems:
        # A text that is no YAML at all is read before it has its place in the library.
        own = "/" not in one.file or one.file.endswith(draft_path(draft))
        where = f"{one.path}：" if one.path else ""
        # A fault in another text comes from what the draft no longer says: its line is in that file.
        file = "" if own else f"（{one.file} 第 {one.line or 1} 行）"
        yield Finding("error", "文本", f"{where}{one.problem}{file}", "", (one.line or 0) if own else 0, one.clause)


def _head(draft: PolicyDraft, document: Document, store: PolicyStore, at: datetime) -> Iterator[Finding]:
    first = earliest_effect(at)
    if draft.valid_from < first:
        yield Finding(
            "error",
            "生效日",
            f"生效日太近，最早从{format_cn_date(first)}起生效。",
            "请改晚生效日；已经开班的按开班日的规定。",
        )
    if document.region != draft.region_id:
        yield Finding(
            "error",
            "地区",
            f"文本写的地区代码是 {document.region}，起草的地区是{draft.region.name}（{draft.region_id}）。",
            "请改回原来的地区。",
        )
    for gone in document.repeals:
        named = [one for one in store.documents if one.id == gone]
        if not named:
            yield Finding("error", "废止", f"没有 {gone} 这份文件。", "请核对要废止的文件。")
        elif any(one.region != draft.region_id for one in named):
            yield Finding("error", "废止", f"{gone} 不是本地区的文件，不能在这里废止。", "请由制定它的部门废止。")
    standing = [one for one in store.documents if one.id == document.id and one.start == document.start]
    if standing:
        yield Finding("warning", "生效日", "同一天已有一份待生效的文本，批准后由这一份替代。", "请核对是不是要替代它。")
    if document.end is not None and document.end < document.start:
        yield Finding("error", "生效日", "失效日早于生效日。", "请核对日期。")
    if (document.rules or document.amounts) and not any(one.on >= document.start for one in document.scenarios):
        yield Finding(
            "warning", "情形", "没有一个情形在生效日以后，新的规定没有经过情形验证。", "请在“全文”里补上情形。"
        )


def _scenarios(
    library: PolicyStore, store: PolicyStore, document: Document
) -> tuple[list[ScenarioResult], list[Finding]]:
    """The draft's own scenarios, and the others' that hold today and would not with the draft."""
    own: list[ScenarioResult] = []
    findings: list[Finding] = []
    failed_before = {(run.document.file, run.scenario.name) for run in store.runs if run.problem}
    for run in library.runs:
        if run.document is document:
            own.append(_result(run, document.scenarios.index(run.scenario), store))
        elif (
            run.problem and not _given_up(run, document) and (run.document.file, run.scenario.name) not in failed_before
        ):
            findings.append(
                Finding(
                    "error",
                    "情形",
                    f"《{run.document.title}》的情形“{run.scenario.name}”会变：{answer(run.decision)}",
                    "请确认是不是有意；有意的，请先修订那份文件的情形。",
                )
            )
    failing = [one for one in own if not one.ok]
    if failing:
        findings.append(
            Finding(
                "error",
                "情形",
                f"{len(failing)} 个情形的结果与预期不符。",
                "逐个核对：改错了的改回文本；正是这次要改的，采用新结果。",
            )
        )
    return own, findings


def _given_up(run: ScenarioRun, document: Document) -> bool:
    """Whether the scenario asks of a text on a day on which the draft stands for it or has ended it."""
    gone = run.document.id == document.id or run.document.id in document.repeals
    return gone and run.scenario.on >= document.start


def _result(run: ScenarioRun, index: int, store: PolicyStore) -> ScenarioResult:
    decision, expect = run.decision, run.scenario.expect
    fresh: dict[str, Any] = {"outcome": decision.outcome.value}
    if "fen" in expect:
        fresh["fen"] = decision.fen
    if "rules" in expect and decision.outcome is not Outcome.PASS:
        fresh["rules"] = [one.rule_id for one in decision.with_outcome(decision.outcome)]
    expected, got = wanted(expect), answer(decision)
    # Two answers alike in outcome and amount differ in the clauses they rest on.
    got += "，依据的条款不同" if run.problem and got == expected else ""
    as_now = bool(run.problem) and _as_now(run, store)
    return ScenarioResult(index, run.scenario.name, expected, got, not run.problem, fresh, as_now)


def _as_now(run: ScenarioRun, store: PolicyStore) -> bool:
    """Whether the library without the draft answers the scenario alike on its day."""
    asked = run.scenario
    try:
        now = store.for_place(asked.place, asked.scheme, asked.on).decide(asked.given, phase=asked.phase)
    except PolicyError:
        return False
    return (now.outcome, now.fen) == (run.decision.outcome, run.decision.fen)


OUTCOMES = {"pass": "符合", "fail": "不予补贴", "cannot_tell": "转人工"}


def answer(decision: Decision) -> str:
    """A decision in a few words: 符合，¥3,780.00。"""
    return wanted({"outcome": decision.outcome.value, "fen": decision.fen})


def wanted(expect: Mapping[str, Any]) -> str:
    """An expected answer in a few words."""
    words = OUTCOMES.get(str(expect.get("outcome")), str(expect.get("outcome")))
    fen = expect.get("fen")
    return f"{words}，{format_yuan(fen)}" if isinstance(fen, int) and expect.get("outcome") != "fail" else words


def _departure(one: Conflict) -> Departure:
    rule_id = one.part.partition(".")[2] if one.direction == "hukou" else ""
    return Departure(
        DIRECTIONS[one.direction],
        one.text,
        f"{one.lower}：{one.lower.excerpt}",
        f"{one.higher}：{one.higher.excerpt}",
        one.binding,
        rule_id,
    )


def text_days(content: str) -> tuple[date | None, date | None]:
    """The days in force that a text gives itself, None where they cannot be read."""
    try:
        held = tree_of(content).data["document"]["in_force"]
        start, end = held.get("from"), held.get("to")
    except (PolicyError, KeyError, TypeError, AttributeError):
        return None, None
    return start if isinstance(start, date) else None, end if isinstance(end, date) else None
