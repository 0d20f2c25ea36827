"""Voucher codes: random, city first, tolerant to typing, intolerant to mistakes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import ALPHABET, CODE_LENGTH, RANDOM_LENGTH, new_code, parse_code

CODES = st.builds(lambda city, seed: new_code(city, random.Random(seed)), st.integers(100000, 999999), st.integers())


@given(CODES)
def test_every_printed_form_is_read_back(code) -> None:
    wide = "".join(chr(ord(c) + 0xFEE0) if c.isascii() else c for c in str(code))
    for form in (str(code), code.display, code.display.lower(), code.display.replace("·", " - "), wide):
        assert parse_code(form) == code


@given(CODES, st.integers(0, CODE_LENGTH - 1), st.data())
def test_one_wrong_character_is_always_caught(code, place: int, data) -> None:
    text = str(code)
    letters = "0123456789" if place < 6 else ALPHABET
    other = data.draw(st.sampled_from([c for c in letters if c != text[place]]))
    with pytest.raises(InvalidIdentifier):
        parse_code(text[:place] + other + text[place + 1 :])


@given(CODES, st.integers(6, CODE_LENGTH - 2), st.data())
def test_two_exchanged_characters_are_always_caught(code, first: int, data) -> None:
    second = data.draw(st.integers(first + 1, CODE_LENGTH - 1))
    letters = list(str(code))
    if letters[first] == letters[second]:
        return
    letters[first], letters[second] = letters[second], letters[first]
    with pytest.raises(InvalidIdentifier, match="校验"):
        parse_code("".join(letters))


@pytest.mark.mission("C2")
def test_the_space_resists_guessing_and_has_no_look_alikes() -> None:
    assert len(ALPHABET) ** RANDOM_LENGTH >= 10**12
    assert not set(ALPHABET) & set("0O1IL2Z5S8BUV")
    codes = {str(new_code(370900)) for _ in range(2000)}
    assert len(codes) == 2000
    assert all(code.startswith("370900") for code in codes)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("370900K7QD", "19 位"),
        ("A70900" + "K7QD9MNACXWE3", "地区代码"),
        ("370900" + "K7QD9MNACXWEO", "“O”"),
        ("070900" + "K7QD9MNACXWE3", "地区代码"),
    ],
)
def test_refusals_say_which_part_is_wrong(text: str, word: str) -> None:
    with pytest.raises(InvalidIdentifier) as refusal:
        parse_code(text)
    assert word in refusal.value.why


def test_a_city_code_has_six_digits() -> None:
    with pytest.raises(ValueError, match="six-digit"):
        new_code(37)
