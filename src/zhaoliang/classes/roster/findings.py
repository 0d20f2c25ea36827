"""A finding: what is wrong in which cell, why, by which clause, and what to do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Severity = Literal["error", "notice"]


@dataclass(frozen=True)
class Finding:
    """`row` is the row number as Excel shows it (None: the whole file). Holds no identity, phone or card number."""

    row: int | None
    key: str
    column: str
    letter: str
    reason: str
    next_step: str = ""
    clause: str = ""
    severity: Severity = "error"
    code: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The JSON form, as stored and printed."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Finding:
        """The finding stored by `as_dict`."""
        return cls(**data)

    @property
    def place(self) -> str:
        """第 7 行“证件号”（E 列）."""
        if self.row is None:
            return "整个文件"
        column = f"“{self.column}”" + (f"（{self.letter} 列）" if self.letter else "") if self.column else ""
        return f"第 {self.row} 行{column}"
