"""Money: shares that lose nothing, roundings that are named, amounts as people write them."""

import random
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeds import fresh_seed
from zhaoliang.kernel.money import (
    BadAmount,
    Rounding,
    apply_ratio,
    format_yuan,
    parse_yuan,
    split,
    to_chinese_capital,
)

TOTALS = st.integers(-10_000_000, 10_000_000)
WEIGHTS = st.lists(
    st.one_of(st.integers(0, 1000), st.fractions(0, 1000), st.decimals(0, 1000, places=4)), min_size=1, max_size=12
).filter(any)
RATIOS = st.one_of(st.integers(-3, 3), st.fractions(-3, 3), st.decimals(-3, 3, places=6))


@given(TOTALS, WEIGHTS)
def test_shares_sum_to_the_whole_and_stay_within_one_fen(total: int, weights: list) -> None:
    parts = split(total, weights)
    exact = [Fraction(weight) for weight in weights]
    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(exact)) < 1 for part, weight in zip(parts, exact, strict=True))
    assert all(part == 0 for part, weight in zip(parts, exact, strict=True) if weight == 0)
    assert [-part for part in parts] == split(-total, weights)


def test_shares_of_every_total_without_exception() -> None:
    """Trust figure 6, for all totals and 200 ratios: the shares of a total and of a whole turn more (the sum of the weights) differ
    by exactly the weights, so what holds for one turn of totals holds for every total there is."""
    ratios = [(a, b, c) for a in range(1, 9) for b in range(5) for c in range(5)]
    assert len(ratios) == 200
    chance = random.Random(fresh_seed())
    for ratio in ratios:
        turn = sum(ratio)
        one_turn = [split(total, ratio) for total in range(turn)]
        for total, parts in enumerate(one_turn):
            assert sum(parts) == total
            assert all(abs(part * turn - total * weight) < turn for part, weight in zip(parts, ratio, strict=True))
        for total in (*range(turn, 3 * turn), *(chance.randrange(10_000_001) for _ in range(20)), 10_000_000):
            turns, rest = divmod(total, turn)
            assert split(total, ratio) == [
                part + turns * weight for part, weight in zip(one_turn[rest], ratio, strict=True)
            ]


def test_earlier_parts_get_the_odd_fen() -> None:
    assert split(100, [1, 1, 1]) == [34, 33, 33]
    assert split(-1, [1, 1]) == [-1, 0]


@pytest.mark.parametrize("weights", [[], [0, 0], [1, -1, 5]])
def test_weights_that_share_nothing_are_refused(weights: list[int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        split(100, weights)


@given(TOTALS, RATIOS, st.sampled_from([1, 10, 100, 1000]))
def test_roundings_stay_on_their_side(amount: int, ratio, step: int) -> None:
    exact = amount * Fraction(ratio)
    rounded = {mode: apply_ratio(amount, ratio, mode, step_fen=step) for mode in Rounding}
    assert all(value % step == 0 for value in rounded.values())
    assert abs(rounded[Rounding.DOWN]) <= abs(exact) <= abs(rounded[Rounding.UP])
    assert abs(rounded[Rounding.UP]) - abs(rounded[Rounding.DOWN]) in (0, step)
    assert all(abs(rounded[mode] - exact) * 2 <= step for mode in (Rounding.HALF_UP, Rounding.HALF_EVEN))
    assert all(apply_ratio(-amount, ratio, mode, step_fen=step) == -value for mode, value in rounded.items())


def test_roundings_by_name() -> None:
    # Tianjin, senior welder, scarce list, blended teaching: 3780 yuan × 0.9 × 0.7 = 2381.40 (domain facts §11, case 5).
    ratio = Decimal("0.9") * Decimal("0.7")
    assert apply_ratio(378_000, ratio, Rounding.HALF_UP) == 238_140
    assert apply_ratio(378_000, ratio, Rounding.HALF_UP, step_fen=100) == 238_100
    assert apply_ratio(378_000, ratio, Rounding.UP, step_fen=1000) == 239_000
    assert [apply_ratio(n, Fraction(1, 2), Rounding.HALF_EVEN) for n in (1, 3, 5)] == [0, 2, 2]
    assert [apply_ratio(n, Fraction(1, 2), Rounding.HALF_UP) for n in (1, 3, -3)] == [1, 2, -2]
    with pytest.raises(ValueError, match="step"):
        apply_ratio(1, 1, Rounding.UP, step_fen=0)


@pytest.mark.parametrize(
    "call",
    [
        lambda: split(1.0, [1]),
        lambda: split(100, [0.5, 0.5]),
        lambda: split(True, [1]),
        lambda: apply_ratio(100, 0.7, Rounding.HALF_UP),
        lambda: apply_ratio(100.0, 1, Rounding.HALF_UP),
        lambda: apply_ratio(100, 1, Rounding.HALF_UP, step_fen=1.0),
        lambda: format_yuan(18.5),
        lambda: parse_yuan(18.5),
        lambda: to_chinese_capital(18.5),
    ],
)
def test_floats_never_come_near_money(call) -> None:
    with pytest.raises(TypeError):
        call()


@given(st.integers(-(10**13), 10**13))
def test_what_is_printed_is_read_back(amount: int) -> None:
    assert parse_yuan(format_yuan(amount)) == amount


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1800", 180_000),
        ("￥１，８００．５０", 180_050),
        (" 1,800.5 元", 180_050),
        ("1800元整", 180_000),
        ("-20", -2000),
        ("12.", 1200),
        ("0.01", 1),
    ],
)
def test_amounts_as_written(text: str, fen: int) -> None:
    assert parse_yuan(text) == fen


@pytest.mark.parametrize(
    "text", ["", "元", "1.234", "1,80", "18,00.00", "1e3", "--1", "-¥-1", "1800万", "一千", "9" * 13, "١.٢.٣"]
)
def test_amounts_refused(text: str) -> None:
    with pytest.raises(BadAmount) as refusal:
        parse_yuan(text)
    assert refusal.value.next_step


def test_printed_amounts() -> None:
    assert [format_yuan(n) for n in (180_000, -5, 0, 123_456_789)] == ["¥1,800.00", "-¥0.05", "¥0.00", "¥1,234,567.89"]


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (180_000, "壹仟捌佰元整"),
        (100_405, "壹仟零肆元零伍分"),
        (168_032, "壹仟陆佰捌拾元叁角贰分"),
        (10_000_000, "壹拾万元整"),
        (1_000_100, "壹万零壹元整"),
        (2_030_000, "贰万零叁佰元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (100_001_000_000, "壹拾亿零壹万元整"),
        (-180_050, "负壹仟捌佰元伍角整"),
    ],
)
def test_capital_amounts(fen: int, words: str) -> None:
    assert to_chinese_capital(fen) == words


def test_capital_amounts_have_a_limit() -> None:
    with pytest.raises(ValueError, match="too large"):
        to_chinese_capital(10**14)
