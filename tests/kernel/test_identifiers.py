"""Identity documents, organisation codes, cards and phones: what people type, and what must be refused."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise
from zhaoliang.kernel.identifiers.bank_card import parse_bank_card
from zhaoliang.kernel.identifiers.invent import Inventor, resident_id
from zhaoliang.kernel.identifiers.other_documents import DocumentKind, parse_document, parse_kind
from zhaoliang.kernel.identifiers.phone import parse_mobile, parse_phone
from zhaoliang.kernel.identifiers.resident_id import Sex, parse_resident_id
from zhaoliang.kernel.identifiers.uscc import parse_uscc

BIRTHS = st.dates(date(1930, 1, 1), date(2010, 12, 31))


@given(st.integers(110000, 799999), BIRTHS, st.integers(0, 999))
def test_resident_number_gives_birth_and_sex_back(region: int, birth: date, order: int) -> None:
    read = parse_resident_id(resident_id(region, birth, order))
    assert (read.birth, read.sex) == (birth, Sex.MALE if order % 2 else Sex.FEMALE)
    assert read.region_code == str(region)


@given(BIRTHS, st.integers(0, 999), st.integers(0, 16), st.integers(1, 9))
def test_resident_number_with_one_wrong_digit_is_refused(birth: date, order: int, place: int, shift: int) -> None:
    good = resident_id(370900, birth, order)
    bad = good[:place] + str((int(good[place]) + shift) % 10) + good[place + 1 :]
    with pytest.raises(InvalidIdentifier):
        parse_resident_id(bad)


def test_resident_number_as_typed() -> None:
    # GB 11643 prints this number as its own example; its check character is X.
    assert parse_resident_id(" 11010519491231002x ").number == "11010519491231002X"
    assert parse_resident_id("'１１０１０５ 1949 1231 ００２ｘ").number == "11010519491231002X"
    assert parse_resident_id("110105-19491231-002X").birth == date(1949, 12, 31)


def test_old_region_prefixes_are_accepted() -> None:
    # 500105 (江北区) was abolished in 2025, 370901 never was a county of today: both stand on cards people carry.
    for region in (500105, 370901, 460321):
        assert parse_resident_id(resident_id(region, date(1980, 2, 29), 11)).region_code == str(region)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("370902800101123", "15 位"),
        ("37090219800101", "18 位"),
        ("370902198013011231", "出生日期"),
        ("370902198002301231", "出生日期"),
        ("37090A198001011231", "数字"),
        ("37090219800101123A", "数字"),
        ("810000199001011237", "港澳台居民居住证"),
        ("911560199001011237", "外国人永久居留"),
        ("", "18 位"),
    ],
)
def test_resident_number_refusals_say_why(text: str, word: str) -> None:
    with pytest.raises(InvalidIdentifier) as refusal:
        parse_resident_id(text)
    assert word in f"{refusal.value.what}{refusal.value.why}"
    assert refusal.value.next_step
    assert not text or text not in str(refusal.value)


def test_birth_in_the_future_is_refused_only_when_the_day_is_known() -> None:
    number = resident_id(370900, date(2026, 11, 24), 1)
    assert parse_resident_id(number).birth == date(2026, 11, 24)
    with pytest.raises(InvalidIdentifier, match="出生日期"):
        parse_resident_id(number, on=date(2026, 11, 23))


@pytest.mark.parametrize(
    ("kind", "text", "number"),
    [
        (DocumentKind.HK_MACAO_PERMIT, "h12345678", "H12345678"),
        (DocumentKind.HK_MACAO_PERMIT, "M12345678 02", "M12345678"),
        (DocumentKind.TAIWAN_PERMIT, "１２３４５６７８", "12345678"),
        (DocumentKind.TAIWAN_PERMIT, "1234567801(A)", "1234567801A"),
        (DocumentKind.PASSPORT, "e12345678", "E12345678"),
        (DocumentKind.FOREIGN_PERMANENT_RESIDENT, "USA110000010101", "USA110000010101"),
        (DocumentKind.FOREIGN_PERMANENT_RESIDENT, resident_id(937840, date(1985, 5, 6), 12), None),
        (DocumentKind.HK_MACAO_TAIWAN_RESIDENCE, resident_id(830000, date(1990, 1, 1), 1), None),
    ],
)
def test_other_documents(kind: DocumentKind, text: str, number: str | None) -> None:
    document = parse_document(kind, text)
    assert document.number == (number or text)
    if number is None:
        assert document.birth is not None
        assert document.sex is not None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (DocumentKind.HK_MACAO_PERMIT, "C12345678"),
        (DocumentKind.HK_MACAO_PERMIT, "H1234567"),
        (DocumentKind.TAIWAN_PERMIT, "123456789"),
        (DocumentKind.PASSPORT, "ABCDEFG"),
        (DocumentKind.PASSPORT, "E123-护照"),
        (DocumentKind.FOREIGN_PERMANENT_RESIDENT, "370902198001011231"),
        (DocumentKind.HK_MACAO_TAIWAN_RESIDENCE, resident_id(370900, date(1990, 1, 1), 1)),
        (DocumentKind.HK_MACAO_TAIWAN_RESIDENCE, "830000199001010010"),
        (DocumentKind.RESIDENT_ID, "E12345678"),
    ],
)
def test_other_documents_refused(kind: DocumentKind, text: str) -> None:
    with pytest.raises(InvalidIdentifier):
        parse_document(kind, text)


def test_document_kinds_by_code_and_name() -> None:
    assert parse_kind("1") is parse_kind("居民身份证") is parse_kind(" 身份证") is DocumentKind.RESIDENT_ID
    assert parse_kind("台胞证") is DocumentKind.TAIWAN_PERMIT
    with pytest.raises(InvalidIdentifier, match="证件类型"):
        parse_kind("驾驶证")


def test_uscc() -> None:
    assert parse_uscc("91110000600037341l").region_code == "110000"
    rural = Inventor(1).uscc(registrar="N2")
    assert parse_uscc(rural).registrar == "N2"
    for bad in ("911100006000373410", "9111000060003734", "91110000600O37341L"):
        with pytest.raises(InvalidIdentifier):
            parse_uscc(bad)


def test_cards_and_phones() -> None:
    assert parse_bank_card("6299 9900 0000 0000 001").luhn_ok is False
    assert parse_bank_card(Inventor(2).bank_card()).luhn_ok is True
    assert parse_mobile("+86 138-0013-8000").number == parse_mobile("8613800138000").number == "13800138000"
    assert parse_phone("（0538）８２２１２３４").number == "0538-8221234"
    assert parse_phone("01088888888").number == "010-88888888"
    for bad in ("12800138000", "1380013800", "0538-8221234"):
        with pytest.raises(InvalidIdentifier, match="手机"):
            parse_mobile(bad)
    for bad in ("62299", "6299 99X0 0000 0000"):
        with pytest.raises(InvalidIdentifier):
            parse_bank_card(bad)


def test_inventor_repeats_itself_and_never_gives_a_number_twice() -> None:
    def some(seed: int) -> list[str]:
        inventor = Inventor(seed)
        born = inventor.birth(oldest=date(1970, 1, 1), youngest=date(2000, 1, 1))
        return [inventor.name(), inventor.resident_id(birth=born, sex=Sex.FEMALE), inventor.mobile(), inventor.uscc()]

    assert some(7) == some(7) != some(8)
    inventor = Inventor(3)
    numbers = [inventor.resident_id(birth=date(1990, 1, 1), sex=Sex.MALE) for _ in range(400)]
    names = [inventor.name() for _ in range(300)]
    assert len(set(numbers)) == 400
    assert len(set(names)) == 300
    assert all(parse_resident_id(number).sex is Sex.MALE for number in numbers)


def test_normalise_reads_foreign_digits_and_drops_invisible_characters() -> None:
    assert normalise("\u200b１2٣ a\u3000b\ufeff") == "123AB"
