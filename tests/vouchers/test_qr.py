"""The signed QR token, with nothing but public keys: what is genuine, and ten ways of tampering each named."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from factories.vouchers import AT
from zhaoliang.kernel.crypto import KeyRing, new_keys
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.signatures import SM2, header, unpadded
from zhaoliang.vouchers import qr

pytestmark = pytest.mark.mission("C6", "C9")
RING, STRANGER = KeyRing.from_json(new_keys()), KeyRing.from_json(new_keys())
CODE, OTHER = (str(new_code(120000)) for _ in range(2))
(KID,) = (key["kid"] for key in RING.public_keys())


def answer(token: str, at: datetime = AT, ring: KeyRing = RING) -> str:
    try:
        return qr.read(token, at, verify=ring.verify).code
    except qr.QrProblem as problem:
        return problem.answer


def token(code: str = CODE, kind: str = qr.SCREEN, moment: datetime = AT, ring: KeyRing = RING) -> str:
    return qr.make(code, kind, moment, sign=ring.sign)


def with_sum(signed: str) -> str:
    return f"{signed}.{qr._sum(signed)}"


def under_our_id(payload: bytes) -> bytes:
    """Signed by a stranger in our key's name."""
    signature = STRANGER.sign(payload)
    return header(KID) + signature[2 + signature[1] :]


HEAD, PAYLOAD, SIGNATURE, SUM = token().split(".")
EDITED = unpadded(f"{OTHER}|s|{int(AT.timestamp())}".encode())
ATTACKS: dict[str, tuple[str, str]] = {
    "another code in its place": (f"{HEAD}.{EDITED}.{SIGNATURE}.{SUM}", "altered"),
    "another code and its sum": (with_sum(f"{HEAD}.{EDITED}.{SIGNATURE}"), "forged"),
    "a later moment": (
        f"{HEAD}.{unpadded(f'{CODE}|s|{int(AT.timestamp()) + 50}'.encode())}.{SIGNATURE}.{SUM}",
        "altered",
    ),
    "signed by a stranger in our name": (qr.make(CODE, qr.SCREEN, AT, sign=under_our_id), "forged"),
    "signed by a stranger": (token(ring=STRANGER), "foreign_key"),
    "no signature": (qr.make(CODE, qr.SCREEN, AT, sign=lambda payload: header(KID)), "forged"),
    "cut": (token()[:-9], "malformed"),
    "damaged": (token()[:-1] + ("A" if token()[-1] != "A" else "B"), "altered"),
    "a screen made paper": (
        with_sum(f"{HEAD}.{unpadded(f'{CODE}|p|{int(AT.timestamp())}'.encode())}.{SIGNATURE}"),
        "forged",
    ),
    "a signature for something else": (with_sum(f"{HEAD}.{PAYLOAD}.{unpadded(RING.sign(PAYLOAD.encode()))}"), "forged"),
    "a kind that is not": (token(kind="x"), "forged"),
    "a code that is not": (token(code="120000AAAAAAAAAAAAA"), "forged"),
    "rubbish": ("ZLQ1.%%%.***.++", "altered"),
    "nothing": ("ZLQ1...", "malformed"),
    "something else": ("https://example.cn/?q=1", "malformed"),
    "endless": ("ZLQ1." + "A" * 500 + ".A.A", "malformed"),
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_tampering_is_named(attack: str) -> None:
    given, named = ATTACKS[attack]
    assert answer(given) == named


def test_every_single_changed_character_is_noticed() -> None:
    good = token()
    for place in range(len(good)):
        changed = good[:place] + ("A" if good[place] != "A" else "B") + good[place + 1 :]
        assert answer(changed) in {"malformed", "altered"}


def test_a_screenshot_goes_stale_and_paper_lasts_as_long_as_the_voucher() -> None:
    until = AT + timedelta(days=90)
    cases: list[tuple[Callable[[], str], int, str]] = [
        (token, 0, CODE),
        (token, 60, CODE),
        (token, 61, "stale"),
        (token, -5, CODE),
        (token, -6, "stale"),
        (lambda: token(kind=qr.PAPER, moment=until), 90 * 86_400, CODE),
        (lambda: token(kind=qr.PAPER, moment=until), 90 * 86_400 + 1, "expired"),
    ]
    for make, seconds, expected in cases:
        assert answer(make(), AT + timedelta(seconds=seconds)) == expected


def test_sm2_signs_the_same_token_and_a_stranger_does_not_fit() -> None:
    ring, stranger = (KeyRing.from_json(new_keys(signature=SM2)) for _ in range(2))
    made = token(ring=ring)
    assert len(made) <= qr.MAX_LENGTH
    assert answer(made, ring=ring) == CODE
    assert answer(made, ring=stranger) == "foreign_key"
