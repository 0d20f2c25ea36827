"""One thing the compile report has to say: where, how serious, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from zhaoliang.policy.model import Document
from zhaoliang.policy.store import PolicyStore

Severity = Literal["error", "warning", "note"]
SEVERITIES: dict[Severity, str] = {"error": "错误", "warning": "提醒", "note": "说明"}
Kind = Literal[
    "period",
    "cell",
    "unreachable",
    "constant",
    "shadowed",
    "redundant",
    "unused",
    "fact",
    "scenario",
    "unverified",
    "conflict",
    "many",
]
KINDS: dict[Kind, str] = {
    "period": "时间",
    "cell": "标准表缺格",
    "unreachable": "走不到",
    "constant": "结果不变",
    "shadowed": "被代替",
    "redundant": "重复",
    "unused": "没有用到",
    "fact": "事实来源",
    "scenario": "缺情形",
    "unverified": "未核实",
    "conflict": "与上级不一致",
    "many": "成批核对",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding on a document, at a file and line, with the clause it concerns and how to mend it."""

    document: str
    place: tuple[str, int]
    kind: Kind
    severity: Severity
    text: str
    suggestion: str = ""
    clause: str = ""

    def __str__(self) -> str:
        """The finding in one line, the place first as compilers do."""
        where = f"（{self.clause}）" if self.clause else ""
        mend = f"建议：{self.suggestion}" if self.suggestion else ""
        head = f"{self.place[0]}:{self.place[1]}: {SEVERITIES[self.severity]}[{KINDS[self.kind]}]"
        return f"{head} {self.text}{where}。{mend}"


@dataclass(frozen=True, slots=True)
class Reader:
    """Makes findings on one document of a store."""

    store: PolicyStore
    document: Document

    def found(
        self, part: str, kind: Kind, severity: Severity, text: str, suggestion: str = "", cite: str = ""
    ) -> Finding:
        """A finding on `part` (`rules.min_age`); `cite` is the clause as `document#clause`."""
        place = (self.document.file, self.document.line(part))
        return Finding(self.document.id, place, kind, severity, text, suggestion, self.clause(cite) if cite else "")

    def clause(self, cite: str) -> str:
        """A clause for people: 第四条 of this text, or another text by its name."""
        document_id, _, clause_id = cite.partition("#")
        if document_id == self.document.id and clause_id in self.document.clauses:
            return self.document.clauses[clause_id].ref
        return str(self.store.citation(cite))
