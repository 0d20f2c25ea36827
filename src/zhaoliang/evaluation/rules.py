"""What an examination consists of and when it is passed (domain facts §7.3: out of 100, every part for itself)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from zhaoliang.classes.models import TrainingClass
from zhaoliang.kernel.identifiers import normalise

PART_LABELS = {"theory": "理论成绩", "practice": "实操成绩"}
ABSENT = "缺考"
TOP_TENTHS = 1000


@dataclass(frozen=True)
class ResultInput:
    """One trainee's scores in tenths of a point (0-1000). Both None: did not sit."""

    enrolment_id: int
    theory_tenths: int | None
    practice_tenths: int | None

    @property
    def absent(self) -> bool:
        return self.theory_tenths is None and self.practice_tenths is None

    def score(self, part: str) -> int | None:
        """The score of `theory` or `practice`."""
        return self.theory_tenths if part == "theory" else self.practice_tenths


def parts_of(training_class: TrainingClass) -> tuple[str, ...]:
    """The parts that are examined: those the project teaches."""
    project = training_class.project
    hours = {"theory": project.theory_hours, "practice": project.practice_hours}
    return tuple(part for part, taught in hours.items() if taught)


def passed(result: ResultInput, training_class: TrainingClass) -> bool:
    """Whether each examined part reaches the class's filed pass score; a good part never makes up for a bad one."""
    needed = training_class.exam_pass_score * 10
    return all((result.score(part) or 0) >= needed for part in parts_of(training_class))


def fault(result: ResultInput, training_class: TrainingClass) -> tuple[str, str] | None:
    """What is wrong with one trainee's scores: (part, reason), or None. Absent from everything is not wrong."""
    if result.absent:
        return None
    examined = parts_of(training_class)
    for part in PART_LABELS:
        score = result.score(part)
        if part not in examined:
            if score is not None:
                return part, "本项目没有这一部分课程，这一项应当留空。"
        elif score is None:
            return part, f"缺这一项成绩；没有参加考核的，各项都填“{ABSENT}”。"
        elif not 0 <= score <= TOP_TENTHS:
            return part, "成绩应在 0 至 100 分之间。"
    return None


def read_score(text: str) -> int | None:
    """Tenths of a point from what people type (85, 85.5, ８５); None for blank or 缺考. Raises ValueError."""
    plain = normalise(text)
    if plain in {"", ABSENT}:
        return None
    try:
        tenths = Decimal(plain) * 10
        whole = int(tenths)
    except (InvalidOperation, OverflowError, ValueError):
        raise ValueError("应填分数或“缺考”。") from None
    if tenths != whole:
        raise ValueError("最多一位小数。")
    if not 0 <= whole <= TOP_TENTHS:
        raise ValueError("成绩应在 0 至 100 分之间。")
    return whole


def show_score(tenths: int | None) -> str:
    """A score as written: 85 or 85.5; blank without one."""
    if tenths is None:
        return ""
    points, rest = divmod(tenths, 10)
    return f"{points}.{rest}" if rest else str(points)
