"""The ladder of skill levels and the ways people write them."""

import pytest

from zhaoliang.kernel.levels import SkillLevel, UnknownLevel, parse_level


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("三级", SkillLevel.SENIOR),
        ("高级", SkillLevel.SENIOR),
        ("高级工", SkillLevel.SENIOR),
        ("三级/高级工", SkillLevel.SENIOR),
        ("高级工（三级）", SkillLevel.SENIOR),
        ("高级技师", SkillLevel.SENIOR_TECHNICIAN),
        ("一级", SkillLevel.SENIOR_TECHNICIAN),
        (" 5级 ", SkillLevel.JUNIOR),
        ("５", SkillLevel.JUNIOR),
        ("初级", SkillLevel.JUNIOR),
        ("中级工", SkillLevel.INTERMEDIATE),
        ("技师、二级", SkillLevel.TECHNICIAN),
        ("学徒工", SkillLevel.APPRENTICE),
        ("首席技师", SkillLevel.CHIEF),
    ],
)
def test_levels_as_written(text: str, level: SkillLevel) -> None:
    assert parse_level(text) is level


@pytest.mark.parametrize("level", list(SkillLevel))
def test_every_label_is_read_back(level: SkillLevel) -> None:
    assert parse_level(level.label) is parse_level(level.short_label) is level
    if level.certificate_code:
        assert SkillLevel.from_certificate_code(level.certificate_code) is level


@pytest.mark.parametrize(
    ("text", "word"), [("三级/中级工", "矛盾"), ("", "没有"), ("六级", "没有"), ("专项", "没有"), ("高级/甲等", "没有")]
)
def test_unclear_levels_are_refused(text: str, word: str) -> None:
    with pytest.raises(UnknownLevel, match=word):
        parse_level(text)


def test_ranks_rise_while_grades_fall() -> None:
    assert SkillLevel.SENIOR > SkillLevel.INTERMEDIATE
    assert [level.grade for level in SkillLevel] == [None, 5, 4, 3, 2, 1, None, None]
    assert SkillLevel.APPRENTICE.certificate_code is None
    with pytest.raises(UnknownLevel):
        SkillLevel.from_certificate_code("6")
