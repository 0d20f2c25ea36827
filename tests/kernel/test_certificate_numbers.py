"""Certificate numbers: building, reading, and the joint checks of domain facts §1."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.certificates import (
    EvaluatorKind,
    build_qualification_certificate,
    build_skill_certificate,
    build_training_certificate,
    parse_qualification_certificate,
    parse_skill_certificate,
    parse_special_operation,
    parse_supervisor_card,
    parse_training_certificate,
    skill_certificate_faults,
)
from zhaoliang.kernel.identifiers.invent import resident_id
from zhaoliang.kernel.levels import SkillLevel

EXAMPLE = "S000037123456255000001"
CERTIFIED = [level for level in SkillLevel if level.certificate_code]


def test_the_example_of_the_domain_facts() -> None:
    certificate = parse_skill_certificate(" s0000 37 123456 25 5 000001 ")
    assert certificate.number == EXAMPLE
    assert certificate.kind is EvaluatorKind.SOCIAL_ORGANISATION
    assert (certificate.year, certificate.level, certificate.sequence) == (2025, SkillLevel.JUNIOR, 1)
    facts = {"kind": EvaluatorKind.SOCIAL_ORGANISATION, "issued_on": date(2025, 4, 1), "issuer_code": "S000037123456"}
    assert skill_certificate_faults(certificate, level=SkillLevel.JUNIOR, **facts) == []
    (fault,) = skill_certificate_faults(certificate, level=SkillLevel.SENIOR, **facts)
    assert "第 16 位" in fault.why
    assert "初级工（五级）" in fault.why


def test_every_contradiction_is_named() -> None:
    faults = skill_certificate_faults(
        parse_skill_certificate(EXAMPLE),
        kind=EvaluatorKind.EMPLOYER,
        issued_on=date(2024, 12, 31),
        level=SkillLevel.CHIEF,
        issuer_code="S000037123457",
    )
    assert [fault.why[: fault.why.index("位") + 1] for fault in faults] == [
        "第 1 位",
        "第 14、15 位",
        "第 16 位",
        "前 13 位",
    ]


@given(st.sampled_from(CERTIFIED), st.integers(2000, 2099), st.integers(1, 999_999))
def test_building_then_reading_gives_the_parts_back(level: SkillLevel, year: int, sequence: int) -> None:
    built = build_skill_certificate("Y000123000001", year=year, level=level, sequence=sequence)
    assert len(built.number) == 22
    assert (built.level, built.year, built.sequence, built.province) == (level, year, sequence, "23")
    assert built.issuer_code == "Y000123000001"


def test_special_and_chief_have_two_letters_not_yet_confirmed() -> None:
    special = parse_skill_certificate("Y000137123456" + "26T000001")
    assert special.level is SkillLevel.SPECIAL
    assert special.level.certificate_code_verified is False
    assert SkillLevel.SENIOR.certificate_code_verified is True


@pytest.mark.parametrize(
    "bad",
    [
        EXAMPLE[:-1],
        "R" + EXAMPLE[1:],
        EXAMPLE.replace("37", "38", 1),
        EXAMPLE[:15] + "6" + EXAMPLE[16:],
        EXAMPLE[:16] + "000000",
        EXAMPLE[:4] + "A" + EXAMPLE[5:],
    ],
)
def test_malformed_skill_numbers_are_refused(bad: str) -> None:
    with pytest.raises(InvalidIdentifier):
        parse_skill_certificate(bad)


def test_no_number_for_an_apprentice_or_out_of_range() -> None:
    with pytest.raises(InvalidIdentifier, match="学徒工"):
        build_skill_certificate("Y000123000001", year=2026, level=SkillLevel.APPRENTICE, sequence=1)
    for year, sequence in ((2026, 0), (2026, 1_000_000), (1999, 1)):
        with pytest.raises(InvalidIdentifier):
            build_skill_certificate("Y000123000001", year=year, level=SkillLevel.SENIOR, sequence=sequence)
    with pytest.raises(InvalidIdentifier):
        build_skill_certificate("Y00012300001", year=2026, level=SkillLevel.SENIOR, sequence=1)


def test_qualification_numbers() -> None:
    parts = {"region": "10", "city": "01", "organisation_kind": 2, "organisation": 15, "sequence": 321}
    built = build_qualification_certificate(year=2016, level=SkillLevel.INTERMEDIATE, **parts)
    assert built.number == "1610012015400321"
    assert parse_qualification_certificate("1610 0120 1540 0321") == built
    shanghai = parse_qualification_certificate("9012345300001"[:13])
    assert shanghai.number == "000" + "9012345300001"
    for bad in ("1610017015400321", "1610012015600321", "161001201540032"):
        with pytest.raises(InvalidIdentifier):
            parse_qualification_certificate(bad)
    with pytest.raises(InvalidIdentifier):
        build_qualification_certificate(year=2016, level=SkillLevel.JUNIOR, **{**parts, "sequence": 123_456})
    with pytest.raises(InvalidIdentifier):
        build_qualification_certificate(year=2016, level=SkillLevel.JUNIOR, **{**parts, "organisation": 1000})


@given(st.integers(1, 9999), st.integers(1, 9999), st.integers(1, 999), st.integers(2, 22), st.integers(1, 9))
def test_platform_numbers_catch_a_wrong_digit(provider: int, class_no: int, trainee: int, at: int, shift: int) -> None:
    built = build_training_certificate(
        region_code=370902, year=2026, provider=provider, class_no=class_no, trainee=trainee
    )
    assert parse_training_certificate(built.number.lower()) == built
    wrong = built.number[:at] + str((int(built.number[at]) + shift) % 10) + built.number[at + 1 :]
    with pytest.raises(InvalidIdentifier, match="校验"):
        parse_training_certificate(wrong)


def test_platform_number_refuses_parts_that_do_not_fit() -> None:
    for change in ({"provider": 10_000}, {"trainee": 1000}, {"class_no": 0}, {"year": 26}):
        parts = {"region_code": 370902, "year": 2026, "provider": 1, "class_no": 1, "trainee": 1} | change
        with pytest.raises(InvalidIdentifier):
            build_training_certificate(**parts)


def test_special_operation_and_supervisor_cards() -> None:
    number = resident_id(370900, date(1990, 1, 1), 1)
    assert parse_special_operation(f"t{number}") == f"T{number}"
    assert parse_supervisor_card("R36210001") == "R36210001"
    for parse, bad in (
        (parse_special_operation, number),
        (parse_special_operation, "T123"),
        (parse_supervisor_card, "R3821"),
    ):
        with pytest.raises(InvalidIdentifier):
            parse(bad)
