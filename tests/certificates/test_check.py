"""The public check: ten kinds of false paper (trust figure 29), no oracle for names, honest when it cannot tell."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

import pytest
from django.db import OperationalError

from factories import certificates, evaluation, registry
from factories.evaluation import AFTER
from zhaoliang.certificates import selectors, services, signing
from zhaoliang.certificates.models import Certificate, EndClass
from zhaoliang.certificates.selectors import Outcome, check, check_offline, check_token
from zhaoliang.kernel import crypto
from zhaoliang.kernel.crypto import KeyRing, new_keys
from zhaoliang.kernel.roles import Actor, Role
from zhaoliang.registry.models import Organisation

pytestmark = [pytest.mark.django_db, pytest.mark.mission("E5")]


def _bureau(role: Role) -> Actor:
    return registry.actor_with(role, person=evaluation.someone())


def _suspended(certificate: Certificate) -> Certificate:
    return services.suspend_certificate(
        actor=_bureau(Role.REVIEWER),
        at=AFTER,
        certificate=certificate,
        reason="测试某的亲属举报",
        reason_class=EndClass.UNDER_INQUIRY,
    )


def _revoked(certificate: Certificate) -> Certificate:
    return services.revoke_certificate(
        actor=_bureau(Role.APPROVER),
        at=AFTER,
        certificate=_suspended(certificate),
        reason="测试某替考",
        reason_class=EndClass.FRAUD,
    )


def _packed(payload: bytes, signature: bytes) -> str:
    packed = bytes((len(signature),)) + signature + zlib.compress(payload, 9)
    return base64.urlsafe_b64encode(packed).rstrip(b"=").decode()


def _changed(certificate: Certificate, **fields: Any) -> bytes:
    """The payload with some fields changed, as a forger would write it."""
    read = json.loads(bytes(certificate.payload)) | fields
    return json.dumps(read, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_a_genuine_certificate_shows_what_the_register_holds() -> None:
    certificate = certificates.certificate()
    answers = [
        check(certificate.number, certificate.name),
        check(f" {certificate.number.lower()[:6]} {certificate.number[6:]} ", f"{certificate.name} "),
        check_token(signing.token_of(certificate)),
    ]
    for answer in answers:
        assert (answer.outcome, answer.label, answer.tone) == (Outcome.VALID, "有效", "ok")
        assert answer.content is not None
        assert answer.content.name == certificate.name
        assert answer.content.level_label == "高级工（三级）"
        assert answer.content.hours == 80
        assert answer.content.issuer == certificate.issuer.name
        assert answer.issuer_note == ""


def test_only_part_of_the_identity_number_is_shown() -> None:
    certificate = certificates.certificate()
    number = certificate.person.document_number
    shown = repr(check(certificate.number, certificate.name))
    assert number not in shown
    assert number[-4:] in shown
    assert number[6:14] not in shown


@pytest.mark.parametrize(
    "change",
    [
        {"name": "冒名某"},
        {"level": 5},
        {"issued_on": "2020-01-01"},
        {"number": "S000112000000263999999"},
        {"hours": 800},
        {"occupation": "医师"},
    ],
    ids=["field", "level", "date", "number", "hours", "occupation"],
)
def test_a_changed_field_is_named_altered_online_and_offline(change: dict[str, Any]) -> None:
    certificate = certificates.certificate()
    forged = _packed(_changed(certificate, **change), bytes(certificate.signature))
    assert check_token(forged).outcome == Outcome.ALTERED
    assert check_offline(forged).outcome == Outcome.ALTERED


def test_a_certificate_signed_anew_by_a_foreign_key_is_not_ours() -> None:
    certificate = certificates.certificate()
    payload = _changed(certificate, name="冒名某")
    keys = json.loads(new_keys())
    (foreign_key,) = keys["signing"]["keys"].values()
    keys["signing"] = {"active": certificate.key_id, "keys": {certificate.key_id: foreign_key}}
    same_id = KeyRing.from_json(json.dumps(keys))
    assert check_token(_packed(payload, same_id.sign(payload))).outcome == Outcome.ALTERED
    forged = _packed(payload, KeyRing.from_json(new_keys()).sign(payload))
    assert check_token(forged).outcome == Outcome.UNKNOWN_KEY
    assert check_offline(forged).outcome == Outcome.UNKNOWN_KEY


def test_a_retired_key_still_proves_what_it_signed(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificates.certificate()
    old = next(key for key in crypto.public_keys() if key["kid"] == certificate.key_id)
    rotated = json.loads(new_keys())
    rotated["signing"] = {
        **rotated["signing"],
        "public": {old["kid"]: base64.b64encode(base64.urlsafe_b64decode(old["x"] + "=")).decode()},
    }
    ring = KeyRing.from_json(json.dumps(rotated))
    monkeypatch.setattr(crypto, "key_ring", lambda: ring)
    assert check_offline(signing.token_of(certificate)).outcome == Outcome.VALID


def test_suspended_revoked_and_replaced_are_named_with_day_and_class_but_not_the_file() -> None:
    suspended = _suspended(certificates.certificate())
    revoked = _revoked(certificates.certificate())
    made = evaluation.taught(1)
    old = certificates.certificate(made)
    new = services.replace_certificate(actor=made.recorder, at=AFTER, certificate=old, reason="更名")
    expected = [
        (suspended, Outcome.SUSPENDED, "暂停", "正在调查核实"),
        (revoked, Outcome.REVOKED, "已撤销", "弄虚作假取得"),
        (old, Outcome.REPLACED, "已换发", "持证人信息变更"),
    ]
    for certificate, outcome, label, reason in expected:
        for answer in (check(certificate.number, certificate.name), check_token(signing.token_of(certificate))):
            assert (answer.outcome, answer.label, answer.reason) == (outcome, label, reason)
            assert answer.ended_on == certificates.ISSUED
            assert "测试某" not in repr(answer)
    assert check(old.number, old.name).replaced_by == new.number


def test_an_issuer_that_lost_its_place_is_pointed_out() -> None:
    certificate = certificates.certificate()
    Organisation.objects.filter(city_code=certificate.city_code, pk=certificate.issuer_id).update(state="removed")
    answer = check(certificate.number, certificate.name)
    assert answer.outcome == Outcome.VALID
    assert "移出" in answer.issuer_note


def test_a_wrong_name_and_an_unknown_number_get_the_very_same_answer() -> None:
    certificate = certificates.certificate()
    unknown = certificate.number[:-1] + "9"
    answers = {
        check(certificate.number, "冒名某"),
        check(unknown, certificate.name),
        check(certificate.number, ""),
        check("", ""),
        check("%", "1"),
    }
    assert answers == {selectors.NOT_FOUND}


def test_a_copied_code_shows_whose_certificate_it_is() -> None:
    certificate = certificates.certificate()
    answer = check_token(signing.token_of(certificate))
    assert answer.content is not None
    assert (answer.content.name, answer.content.number) == (certificate.name, certificate.number)


@pytest.mark.parametrize(
    "damage",
    [
        lambda token: token[:-8],
        lambda token: token + "AAAA",
        lambda token: token[:40] + ("A" if token[40] != "A" else "B") + token[41:],
        lambda token: "",
        lambda token: "证书",
        lambda token: "A" * 5000,
        lambda token: "AA",
        lambda token: base64.urlsafe_b64encode(b"\x42" + bytes(0x42) + zlib.compress(bytes(1_000_000))).decode(),
    ],
    ids=["cut", "longer", "flipped", "empty", "chinese", "huge", "tiny", "bomb"],
)
def test_a_damaged_code_never_passes_and_never_crashes(damage: Any) -> None:
    token = damage(signing.token_of(certificates.certificate()))
    assert check_token(token).outcome == Outcome.ALTERED
    assert check_offline(token).outcome == Outcome.ALTERED


def test_a_signed_payload_that_is_no_certificate_is_refused() -> None:
    for payload in (b"{}", b"[]", b"null", b"\xff", json.dumps({"v": 1}).encode()):
        assert check_token(_packed(payload, crypto.sign(payload))).outcome == Outcome.ALTERED


def test_a_register_that_does_not_answer_is_not_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificates.certificate()
    token = signing.token_of(certificate)

    def down(number: str) -> Certificate | None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(selectors, "by_number", down)
    assert check(certificate.number, certificate.name) == selectors.UNAVAILABLE
    assert check_token(token) == selectors.UNAVAILABLE


def test_a_row_changed_behind_our_back_is_not_called_valid(monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = certificates.certificate()
    certificate.level = 6
    monkeypatch.setattr(selectors, "by_number", lambda number: certificate)
    assert check(certificate.number, certificate.name) == selectors.UNAVAILABLE


def test_the_check_reads_two_rows(django_assert_num_queries: Any) -> None:
    certificate = certificates.certificate()
    token = signing.token_of(certificate)
    with django_assert_num_queries(2):
        check(certificate.number, certificate.name)
    with django_assert_num_queries(2):
        check_token(token)
    with django_assert_num_queries(0):
        check_offline(token)
