"""The eight-level ladder of skill levels (新八级工, 人社部 2022-03-18 意见 / domain facts §7.5)."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import ClassVar

from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.identifiers import normalise


class UnknownLevel(BadInput, ValueError):
    """The text names no skill level, or names two different ones."""

    code: ClassVar[str] = "unknown_level"


class SkillLevel(IntEnum):
    """Rank on the ladder: a higher number is a higher level (the official grades 五级…一级 run the other way)."""

    APPRENTICE = 1
    JUNIOR = 2
    INTERMEDIATE = 3
    SENIOR = 4
    TECHNICIAN = 5
    SENIOR_TECHNICIAN = 6
    SPECIAL = 7
    CHIEF = 8

    @property
    def label(self) -> str:
        """The name with its official grade: 高级工（三级）."""
        grade = self.grade_label
        return f"{self.short_label}（{grade}）" if grade else self.short_label

    @property
    def short_label(self) -> str:
        """The name alone: 高级工."""
        return _NAMES[self]

    @property
    def grade(self) -> int | None:
        """The official grade 5 (lowest) to 1, None for 学徒工, 特级技师 and 首席技师."""
        return 7 - self if SkillLevel.JUNIOR <= self <= SkillLevel.SENIOR_TECHNICIAN else None

    @property
    def grade_label(self) -> str:
        """The official grade in Chinese (三级), or an empty string where there is none."""
        return f"{'零一二三四五'[self.grade]}级" if self.grade else ""

    @property
    def certificate_code(self) -> str | None:
        """Position 16 of a skill certificate number (domain facts §1.1, §1.2); None for 学徒工: no certificate."""
        return str(self.grade) if self.grade else _LETTERS.get(self)

    @property
    def certificate_code_verified(self) -> bool:
        """Whether that code rests on a published rule; the letters T and S await official confirmation (§1.2, 未核)."""
        return self.grade is not None

    @classmethod
    def from_certificate_code(cls, code: str) -> SkillLevel:
        """The level for position 16 of a certificate number. Raises UnknownLevel."""
        for level in cls:
            if level.certificate_code == code:
                return level
        raise UnknownLevel(
            "证书编号中的等级代码无法识别", f"等级代码“{code}”不在 1 至 5 及 T、S 之内。", "请核对证书编号第 16 位。"
        )


_NAMES = {
    SkillLevel.APPRENTICE: "学徒工",
    SkillLevel.JUNIOR: "初级工",
    SkillLevel.INTERMEDIATE: "中级工",
    SkillLevel.SENIOR: "高级工",
    SkillLevel.TECHNICIAN: "技师",
    SkillLevel.SENIOR_TECHNICIAN: "高级技师",
    SkillLevel.SPECIAL: "特级技师",
    SkillLevel.CHIEF: "首席技师",
}
_LETTERS = {SkillLevel.SPECIAL: "T", SkillLevel.CHIEF: "S"}
_WORDS = {
    **{name: level for level, name in _NAMES.items()},
    "学徒": SkillLevel.APPRENTICE,
    "初级": SkillLevel.JUNIOR,
    "中级": SkillLevel.INTERMEDIATE,
    "高级": SkillLevel.SENIOR,
    "初级技能": SkillLevel.JUNIOR,
    "中级技能": SkillLevel.INTERMEDIATE,
    "高级技能": SkillLevel.SENIOR,
    **{
        f"{form}{unit}": SkillLevel(7 - n)
        for n in range(1, 6)
        for form in ("零一二三四五"[n], str(n))
        for unit in ("级", "")
    },
}


def parse_level(text: str) -> SkillLevel:
    """Read a level as people write it: 三级, 高级, 高级工, 三级/高级工, 高级工（三级）; a bare digit is a grade.

    Raises UnknownLevel when nothing or two different levels are named.
    """
    parts = [part for part in re.split(r"[/()、,，|\\-]", normalise(text)) if part]
    found = {_WORDS.get(part) for part in parts}
    if len(found) == 1 and (level := found.pop()) is not None:
        return level
    why = "写出的级别互相矛盾。" if found and None not in found else "没有这样的级别名称。"
    raise UnknownLevel("技能等级无法识别", why, f"请填写：{'、'.join(level.label for level in SkillLevel)}之一。")
