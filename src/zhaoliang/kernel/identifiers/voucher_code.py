"""Unique code of a training voucher (电子培训券唯一码): city, twelve random characters, one check character.

The code begins with the city so that a lookup reaches one shard. The alphabet has no look-alikes (0 O 1 I L 2 Z 5 S 8
B U V) and a prime size, so that one weighted sum modulo 23 detects every wrong character and every exchange of two.
The space is 23**12, about 2.2e16 codes a city.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from itertools import product
from operator import mul
from typing import Protocol

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise

ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
RANDOM_LENGTH = 12
CODE_LENGTH = 6 + RANDOM_LENGTH + 1
SPACE = len(ALPHABET) ** RANDOM_LENGTH
_TRIPLES = ["".join(three) for three in product(ALPHABET, repeat=3)]
_VALUES = {str(digit): digit for digit in range(10)}
_WEIGHTS = range(2, 2 + CODE_LENGTH)
_SERIAL_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_WHAT = "券码不正确。"
_NEXT = "请对照券面重新输入，或扫描券面二维码。"


class Chooser(Protocol):
    """A source of random numbers: the operating system's, or a seeded `random.Random` in tests."""

    def randrange(self, stop: int, /) -> int:
        """A number from 0 to below `stop`."""
        ...


_SYSTEM = secrets.SystemRandom()


@dataclass(frozen=True)
class VoucherCode:
    """A valid code in parts; `str()` is the stored form, `display` the printed one."""

    city_code: int
    serial: str
    check: str

    def __str__(self) -> str:
        return f"{self.city_code}{self.serial}{self.check}"

    @property
    def display(self) -> str:
        """Grouped for reading aloud and typing: `370900·K7QD·9MNA·CXWE3`."""
        tail = self.serial + self.check
        return "·".join((str(self.city_code), tail[:4], tail[4:8], tail[8:]))


def _check_character(body: str) -> str:
    values = [*map(_VALUES.__getitem__, body[:6]), *map(_SERIAL_VALUES.__getitem__, body[6:])]
    total = sum(map(mul, _WEIGHTS, values))
    return ALPHABET[-total % len(ALPHABET)]


def new_code(city_code: int, rng: Chooser = _SYSTEM) -> VoucherCode:
    """A new random code for the city (six-digit frozen city code). Raises ValueError on another kind of city code."""
    if not 100000 <= city_code <= 999999:
        raise ValueError(f"not a six-digit city code: {city_code}")
    # One draw for all twelve, three at a time: a draw for each costs as much as the rest of a claim's request.
    number, serial = rng.randrange(SPACE), ""
    for _ in range(RANDOM_LENGTH // 3):
        number, triple = divmod(number, len(_TRIPLES))
        serial += _TRIPLES[triple]
    return VoucherCode(city_code, serial, _check_character(f"{city_code}{serial}"))


def parse_code(text: str) -> VoucherCode:
    """Read a code as typed: lower case, full width, spaces, `·` and dashes are tolerated. Raises InvalidIdentifier."""
    code = normalise(text, drop="·•・-－—_.")
    if len(code) != CODE_LENGTH:
        raise InvalidIdentifier(_WHAT, f"应为 {CODE_LENGTH} 位，现在是 {len(code)} 位。", _NEXT)
    if not (code[:6].isascii() and code[:6].isdigit() and code[0] != "0"):
        raise InvalidIdentifier(_WHAT, "前 6 位应为地区代码数字。", _NEXT)
    wrong = sorted({c for c in code[6:] if c not in ALPHABET})
    if wrong:
        raise InvalidIdentifier(
            _WHAT, f"券码里不会出现“{'、'.join(wrong)}”（为免看错，不用 0 O 1 I L 2 Z 5 S 8 B U V）。", _NEXT
        )
    if _check_character(code[:-1]) != code[-1]:
        raise InvalidIdentifier(_WHAT, "校验位不符，可能有一位输错或两位颠倒。", _NEXT)
    return VoucherCode(int(code[:6]), code[6:-1], code[-1])
