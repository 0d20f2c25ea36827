"""Valid but invented numbers for demonstrations and tests, the same for the same seed.

Nobody holds them: resident numbers carry a city's code where real ones carry a county's, cards an unassigned issuer.
"""

from __future__ import annotations

import random
from datetime import date

from stdnum import luhn

from zhaoliang.kernel.identifiers import resident_id as _resident_id
from zhaoliang.kernel.identifiers import uscc as _uscc
from zhaoliang.kernel.identifiers.resident_id import Sex
from zhaoliang.kernel.identifiers.voucher_code import VoucherCode, new_code

_STEMS, _BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_CARD_ISSUER = "629999"


def resident_id(region_code: int, birth: date, order: int) -> str:
    """The resident number with this place, birth date and order code (0-999; odd for men)."""
    body = f"{region_code:06d}{birth:%Y%m%d}{order:03d}"
    return body + _resident_id.check_character(body)


class Inventor:
    """A seeded source of invented people's and organisations' numbers; never gives the same number twice."""

    def __init__(self, seed: int, *, region_code: int = 370900) -> None:
        self.region_code = region_code
        self._random = random.Random(seed)
        self._given: set[str] = set()
        self._names = 0

    def _fresh(self, number: str) -> bool:
        new = number not in self._given
        self._given.add(number)
        return new

    def name(self) -> str:
        """A name nobody bears (甲某子 …); 120 different ones, then with a running number in Chinese digits."""
        turn, index = divmod(self._names, 120)
        self._names += 1
        suffix = "".join("零一二三四五六七八九"[int(digit)] for digit in str(turn)) if turn else ""
        return f"{_STEMS[index % 10]}某{_BRANCHES[index // 10]}{suffix}"

    def birth(self, *, youngest: date, oldest: date) -> date:
        """A birth date between `oldest` (earliest) and `youngest` (latest), both included."""
        return date.fromordinal(self._random.randint(oldest.toordinal(), youngest.toordinal()))

    def resident_id(self, *, birth: date, sex: Sex) -> str:
        """A resident number for a person of that birth date and sex. Raises LookupError when all 500 are given out."""
        start = self._random.randrange(500)
        for step in range(500):
            order = (start + step) % 500 * 2 + (1 if sex is Sex.MALE else 0)
            if self._fresh(number := resident_id(self.region_code, birth, order)):
                return number
        raise LookupError(f"all numbers of {self.region_code} for {birth} and this sex are given out")

    def mobile(self) -> str:
        """A mobile number 1990000xxxx."""
        while True:
            if self._fresh(number := f"1990000{self._random.randrange(10_000):04d}"):
                return number

    def bank_card(self) -> str:
        """A 19-digit card number with a correct check digit and an issuer number that is not assigned."""
        while True:
            body = f"{_CARD_ISSUER}{self._random.randrange(10**12):012d}"
            if self._fresh(number := body + luhn.calc_check_digit(body)):
                return number

    def uscc(self, *, registrar: str = "91") -> str:
        """A unified social credit code registered in the inventor's region."""
        while True:
            body = f"{registrar}{self.region_code:06d}{''.join(self._random.choices(_USCC_ALPHABET, k=9))}"
            if self._fresh(number := body + _uscc.check_character(body)):
                return number

    def voucher_code(self, city_code: int) -> VoucherCode:
        """A voucher code drawn from the seed (real ones are drawn from `secrets`)."""
        return new_code(city_code, rng=self._random)
