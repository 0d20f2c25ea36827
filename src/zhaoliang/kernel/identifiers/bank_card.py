"""Bank card numbers: the check digit is a hint only, since passbooks and older cards do not carry it."""

from __future__ import annotations

from dataclasses import dataclass

from stdnum import luhn

from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise


@dataclass(frozen=True)
class BankCard:
    """A card or account number; `luhn_ok` false asks the person to look again but does not refuse."""

    number: str
    luhn_ok: bool


def parse_bank_card(text: str) -> BankCard:
    """Read a card or account number of 12 to 19 digits. Raises InvalidIdentifier."""
    number = normalise(text, drop="-")
    if not (number.isascii() and number.isdigit() and 12 <= len(number) <= 19):
        raise InvalidIdentifier(
            "银行卡号不正确", "应为 12 至 19 位数字。", "请对照银行卡（社会保障卡填金融账号）重新填写。"
        )
    return BankCard(number, luhn.is_valid(number))
