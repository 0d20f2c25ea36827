"""What a phone signed when it kept a sign-in: taken as said, refused where it was altered, marked where it is missing."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from factories import registry
from factories.attendance import first_attendance, running
from factories.classes import START, moment
from factories.identity import sign_in
from factories.vouchers import worker
from zhaoliang.attendance import passes, selectors, signer
from zhaoliang.attendance.models import Attendance
from zhaoliang.gate import desks
from zhaoliang.kernel import tokens
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("D4")]

OPENED, SIGNED, BACK = moment(START, 7, 45), moment(START, 7, 55), moment(START, 9, 40)
KEY = "kept-on-the-phone"


def text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class PhoneKey:
    """What WebCrypto makes and signs with."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        raw = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.signer = text(raw)

    def sign(self, said: signer.Said) -> str:
        halves = decode_dss_signature(self.private.sign(signer.signed_text(said).encode(), ec.ECDSA(SHA256())))
        return text(b"".join(half.to_bytes(32) for half in halves))


@dataclass
class Kept:
    """A sign-in on a phone, its pass, and the key that the pass names."""

    attendance: Attendance
    phone: PhoneKey
    token: str
    said: signer.Said

    def pass_of(self, key: str, at: datetime = OPENED) -> str:
        who = worker(self.attendance.person)
        return passes.sign_in_pass(actor=who, at=at, attendance=self.attendance, device="d", signer=key)

    def arrives(self, signature: str, *, said: signer.Said | None = None, token: str = "", at: datetime = BACK) -> Any:
        """What the gate reads of it."""
        words = said or self.said
        body = desks.SignInIn(
            attendance_id=words.attendance_id,
            longitude=words.longitude,
            latitude=words.latitude,
            signed_at=words.signed_at,
            code=words.code,
            signature=signature,
        )
        return desks.read_sign_in(token or self.token, body, words.key, at)

    def facts(self, signature: str, **given: Any) -> dict[str, Any]:
        """What goes into the database with it, but for the region's figure."""
        found: dict[str, Any] = json.loads(self.arrives(signature, **given).given[14])
        del found["late_permille"]
        return found


@pytest.fixture
def kept() -> Kept:
    attendance = first_attendance(running())
    site = attendance.session.training_class.site
    said = signer.Said(
        str(attendance.pk), KEY, int(SIGNED.timestamp()), f"{site.longitude:.6f}", f"{site.latitude:.6f}", "wgs84", ""
    )
    made = Kept(attendance, PhoneKey(), "", said)
    made.token = made.pass_of(made.phone.signer)
    return made


def test_what_the_phone_signed_arrives_with_the_proof_which_anybody_can_check_again(kept: Kept) -> None:
    signature = kept.phone.sign(kept.said)
    found = kept.facts(signature)
    assert found["signed"] is True
    proof = found["proof"]
    assert proof == {"signer": kept.phone.signer, "text": signer.signed_text(kept.said), "signature": signature}
    # The key of the call stays the same one at the gate of the release before and at the page's own server.
    assert kept.arrives(signature).given[17] == kept.arrives("", token=kept.pass_of("")).given[17]


def test_whatever_was_altered_on_the_phone_is_refused_by_name(kept: Kept) -> None:
    signature = kept.phone.sign(kept.said)
    earlier = int((SIGNED - timedelta(minutes=10)).timestamp())
    for altered in (
        replace(kept.said, longitude="117.000000"),
        replace(kept.said, latitude=None, longitude=None),
        replace(kept.said, signed_at=earlier),
        replace(kept.said, key="another-key-of-the-queue"),
    ):
        with pytest.raises(signer.WrongSignature, match="手机签名对不上"):
            kept.arrives(signature, said=altered)
    # Signed for another session, by another phone, and no signature at all.
    elsewhere = kept.phone.sign(replace(kept.said, attendance_id="1"))
    zeros = text(bytes(64))
    for wrong in (elsewhere, PhoneKey().sign(kept.said), zeros, signature[:-1], signature + "=", "编造", "A" * 4000):
        with pytest.raises(signer.WrongSignature):
            kept.arrives(wrong)


def test_a_missing_signature_is_marked_and_what_comes_at_once_is_not_looked_at(kept: Kept) -> None:
    assert kept.facts("") == {"signed": False}
    at_once = SIGNED + signer.AT_ONCE
    for signature in ("", "编造", kept.phone.sign(kept.said)):
        assert kept.facts(signature, at=at_once) == {}
    assert kept.facts("", at=at_once + timedelta(seconds=1))["signed"] is False


def test_a_pass_without_a_key_is_taken_as_ever_and_a_key_told_afterwards_shows_nothing(kept: Kept) -> None:
    signature = kept.phone.sign(kept.said)
    for token in (kept.pass_of(""), kept.pass_of(kept.phone.signer, at=BACK)):
        assert kept.facts(signature, token=token) == kept.facts("", token=token) == {}


def test_only_a_point_of_the_curve_stands_in_a_pass(kept: Kept) -> None:
    raw = base64.urlsafe_b64decode(kept.phone.signer + "=")
    off = raw[:-1] + bytes([raw[-1] ^ 1])
    compressed = kept.phone.private.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    for wrong in (text(off), text(compressed), text(b"\x04" + bytes(64)), text(b"\x05" + raw[1:]), "钥匙", "A" * 9999):
        assert "v" not in tokens.read(kept.pass_of(wrong), passes.SIGN_IN, OPENED)
    held = tokens.read(kept.token, passes.SIGN_IN, OPENED)
    assert (held["v"], held["k"]) == (kept.phone.signer, passes.SIGN_IN)


Send = Callable[..., HttpResponse]


@pytest.fixture
def send(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> Send:
    """The page's own server, to which the phone turns where the gate is gone."""
    clock = SimpleNamespace(at=OPENED)
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: clock.at))
    phone = sign_in(Client(), registry.user(Role.WORKER, person=kept.attendance.person))
    place = [kept.attendance.city_code, kept.attendance.pk]
    given = phone.post(reverse("worker:sign-in-pass", args=place), {"signer": kept.phone.signer})
    token = given.json()["pass"]
    clock.at = BACK

    def sent(signature: str, **altered: str) -> HttpResponse:
        fields = {
            "longitude": kept.said.longitude,
            "latitude": kept.said.latitude,
            "datum": kept.said.datum,
            "signed_at": str(kept.said.signed_at),
            "code": "",
            "key": kept.said.key,
            "pass": token,
            "signature": signature,
        }
        address = reverse("worker:sign-in", args=place)
        return phone.post(address, fields | altered, headers={"accept": "application/json"})

    return sent


def test_the_pages_own_server_holds_to_the_same_rule(kept: Kept, send: Send) -> None:
    signature = kept.phone.sign(kept.said)
    refused = send(signature, longitude="117.000000")
    assert (refused.status_code, refused.json()["code"]) == (422, "signature_wrong")
    assert selectors.sign_ins_of(kept.attendance) == []
    # The refused try holds no key: the words as they were signed are taken, and counted as of then.
    taken = send(signature)
    assert (taken.status_code, taken.json()["state"]) == (200, "present")
    (row,) = selectors.sign_ins_of(kept.attendance)
    assert (row.signed, row.at, row.received_at) == (True, SIGNED, BACK)
    assert row.proof is not None
    assert row.proof["signature"] == signature


def test_without_a_signature_it_counts_in_full_with_a_mark_for_a_person(kept: Kept, send: Send) -> None:
    taken = send("").json()
    assert (taken["state"], taken["flags"]) == ("present", ["uploaded_late", "unsigned"])
    assert "没有手机签名" in taken["says"]
    kept.attendance.refresh_from_db()
    assert kept.attendance.credited_minutes == kept.attendance.planned_minutes
    (row,) = selectors.sign_ins_of(kept.attendance)
    assert (row.signed, row.proof) == (False, None)


def test_without_its_pass_it_is_taken_as_ever(kept: Kept, send: Send) -> None:
    assert send("", **{"pass": ""}).json()["flags"] == ["uploaded_late"]
    (row,) = selectors.sign_ins_of(kept.attendance)
    assert row.signed is None
