"""The partner API: keys and scopes, verifying and claiming vouchers, checking certificates, one form of refusal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from factories import certificates, registry, vouchers
from zhaoliang.certificates import signing
from zhaoliang.kernel.errors import BadInput, Forbidden
from zhaoliang.kernel.roles import Role, system_actor
from zhaoliang.registry.models import Organisation, PartnerKey, User
from zhaoliang.registry.services import issue_partner_key, new_secret, revoke_partner_key
from zhaoliang.registry.services.users import end_role
from zhaoliang.vouchers.models import Voucher, VoucherCheck

pytestmark = [pytest.mark.django_db, pytest.mark.mission("K3")]

BOTH = ("vouchers.verify", "vouchers.claim")


class System:
    """A partner system with a key."""

    def __init__(self, client: Client, organisation: Organisation, *, scopes: tuple[str, ...] = BOTH) -> None:
        self.client, self.secret, self.organisation = client, new_secret(), organisation
        self.user: User = registry.user(Role.PARTNER, region_code=registry.CITY, organisation=organisation)
        self.key: PartnerKey = issue_partner_key(
            actor=system_actor(),
            at=vouchers.AT,
            place=registry.place(registry.CITY),
            user=self.user,
            name="测试对接系统",
            secret=self.secret,
            scopes=scopes,
            expires_at=vouchers.AT + timedelta(days=30),
        )

    def post(self, path: str, body: dict[str, Any], *, secret: str | None = None, key: str = "") -> Any:
        headers = {"Authorization": f"Bearer {self.secret if secret is None else secret}"}
        if key:
            headers["Idempotency-Key"] = key
        return self.client.post(f"/api/v1{path}", body, content_type="application/json", headers=headers)


@pytest.fixture
def system(client: Client) -> System:
    return System(client, registry.organisation())


def _claim(system: System, person: Any, batch: Any, *, key: str = "claim-001", **changes: Any) -> Any:
    body = {
        "batch_id": str(batch.pk),
        "document_number": person.document_number,
        "name": person.name,
        "declared": True,
    }
    return system.post("/vouchers/claim", body | changes, key=key)


def test_health_needs_no_key(client: Client) -> None:
    assert client.get("/api/v1/health").json()["status"] == "ok"


@pytest.mark.mission("C6")
def test_a_voucher_is_verified_and_the_question_is_logged(system: System) -> None:
    voucher = vouchers.voucher(vouchers.listed_project(system.organisation))
    answer = system.post("/vouchers/verify", {"code": voucher.code})
    assert answer.status_code == 200
    assert answer.json()["answer"] == "good"
    assert voucher.person.name not in answer.content.decode()
    check = VoucherCheck.objects.get(city_code=voucher.city_code, voucher=voucher)
    assert (check.method, check.organisation_id) == ("api", system.organisation.pk)


@pytest.mark.mission("C5")
def test_a_used_voucher_becomes_verified_at_its_own_provider(system: System) -> None:
    voucher = vouchers.voucher(vouchers.listed_project(system.organisation), used=True)
    assert system.post("/vouchers/verify", {"code": voucher.code}).json()["answer"] == "verified"
    voucher.refresh_from_db()
    assert voucher.state == "verified"


def test_another_organisations_voucher_is_not_good_here(system: System) -> None:
    assert system.post("/vouchers/verify", {"code": vouchers.voucher().code}).json()["answer"] == "not_here"


@pytest.mark.parametrize("secret", ["", "zlk_wrong"])
def test_a_wrong_key_is_one_answer(system: System, secret: str) -> None:
    answer = system.post("/vouchers/verify", {"code": "x"}, secret=secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")


def test_a_request_without_the_header_gets_the_same_answer(client: Client) -> None:
    answer = client.post("/api/v1/vouchers/verify", {"code": "x"}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_key")


def test_a_key_stops_when_revoked_expired_or_its_role_ends(system: System, client: Client) -> None:
    def refused(one: System) -> bool:
        return one.post("/vouchers/verify", {"code": "x"}).status_code == 401

    assert not refused(system)
    revoke_partner_key(
        actor=system_actor(), at=vouchers.AT, place=registry.place(registry.CITY), partner_key=system.key
    )
    assert refused(system)
    late = System(client, registry.organisation())
    PartnerKey.objects.filter(pk=late.key.pk).update(expires_at=vouchers.AT)
    assert refused(late)
    left = System(client, registry.organisation())
    assignment = left.user.assignments.get()
    ended = vouchers.AT.date() - timedelta(days=1)
    place = registry.place(registry.CITY)
    end_role(actor=system_actor(), at=vouchers.AT, place=place, assignment=assignment, valid_to=ended)
    assert refused(left)


def test_a_scope_is_asked_for_by_name(client: Client) -> None:
    only = System(client, registry.organisation(), scopes=("vouchers.verify",))
    answer = _claim(only, registry.person(), vouchers.batch())
    assert answer.status_code == 403
    assert "vouchers.claim" in answer.json()["why"]


def test_the_key_itself_is_kept_nowhere(system: System) -> None:
    row = PartnerKey.objects.get(pk=system.key.pk)
    assert system.secret.encode() not in bytes(row.key_hash)
    assert len(bytes(row.key_hash)) == 32


@pytest.mark.parametrize(
    "wrong",
    [{"scopes": ("everything",)}, {"scopes": ()}, {"expires_at": vouchers.AT}],
    ids=["unknown scope", "no scope", "expired"],
)
def test_a_key_is_issued_for_known_scopes_and_a_time_to_come(system: System, wrong: dict[str, Any]) -> None:
    given = {"scopes": BOTH, "expires_at": vouchers.AT + timedelta(days=1)} | wrong
    place = registry.place(registry.CITY)
    with pytest.raises(BadInput):
        issue_partner_key(
            actor=system_actor(), at=vouchers.AT, place=place, user=system.user, name="x", secret=new_secret(), **given
        )
    with pytest.raises(Forbidden):
        issue_partner_key(
            actor=registry.actor_with(Role.PROVIDER, organisation=system.organisation),
            at=vouchers.AT,
            place=place,
            user=system.user,
            name="x",
            secret=new_secret(),
            scopes=BOTH,
            expires_at=vouchers.AT + timedelta(days=1),
        )


@pytest.mark.mission("C2")
def test_a_claim_sent_twice_is_one_voucher(system: System) -> None:
    person, batch = registry.person(), vouchers.batch()
    first, again = _claim(system, person, batch), _claim(system, person, batch)
    assert first.status_code == 200, first.content.decode()
    assert first.json() == again.json()
    assert isinstance(first.json()["id"], str)
    voucher = Voucher.objects.get(city_code=person.city_code, person=person)
    assert (voucher.channel, voucher.code) == ("api", first.json()["code"])
    other = _claim(system, registry.person(), batch)
    assert (other.status_code, other.json()["code"]) == (409, "key_reused")
    second = _claim(system, person, batch, key="claim-002")
    assert second.status_code == 409
    assert "已经有这张券" in second.json()["why"]


@pytest.mark.mission("C3")
@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"declared": False}, 422),
        ({"name": "测试别人"}, 404),
        ({"batch_id": "999999999"}, 404),
        ({"batch_id": "x"}, 422),
    ],
)
def test_what_a_claim_is_refused_for(system: System, changes: dict[str, Any], status: int) -> None:
    person = registry.person()
    answer = _claim(system, person, vouchers.batch(), **changes)
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "what", "why", "next", "clause", "fields"}
    assert not Voucher.objects.filter(city_code=person.city_code, person=person).exists()


@pytest.mark.parametrize(
    ("key", "said"), [("", "缺少。"), ("short", "至少 8 个字符。"), ("k" * 65, "最多 64 个字符。")]
)
def test_a_claim_is_told_what_its_key_lacks(system: System, key: str, said: str) -> None:
    answer = _claim(system, registry.person(), vouchers.batch(), key=key)
    assert answer.status_code == 422
    assert answer.json()["fields"] == {"idempotency_key": said}


def test_open_batches_are_public(client: Client) -> None:
    batch = vouchers.batch(quota=4)
    [found] = client.get("/api/v1/vouchers/batches", {"city_code": batch.city_code}).json()
    assert (found["id"], found["left"], found["amount_fen"]) == (str(batch.pk), 4, batch.amount_fen)


@pytest.mark.mission("E5")
def test_a_certificate_by_number_and_name_or_by_token(client: Client) -> None:
    made = certificates.certificate()

    def ask(body: dict[str, str]) -> Any:
        return client.post("/api/v1/certificates/check", body, content_type="application/json")

    found = ask({"number": made.number, "name": made.person.name})
    assert found.json()["outcome"] == "valid"
    assert made.person.name not in found.content.decode()
    assert ask({"token": signing.token_of(made)}).json()["number"] == made.number
    assert ask({"number": made.number, "name": "测试别人"}).json()["outcome"] == "not_found"
    assert ask({"number": made.number}).status_code == 422


def test_checks_are_limited_and_say_when_to_come_back(client: Client) -> None:
    def ask() -> Any:
        body = {"number": "S000012000901263000017", "name": "测试甲"}
        return client.post("/api/v1/certificates/check", body, content_type="application/json")

    assert {ask().status_code for _ in range(30)} == {200}
    refused = ask()
    assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
    assert int(refused["Retry-After"]) > 0


def test_the_documentation_has_every_operation_with_examples(client: Client) -> None:
    document = client.get("/api/v1/openapi.json").json()
    ours = (
        *("health", "vouchers/batches", "vouchers/verify", "vouchers/claim", "vouchers/use", "certificates/check"),
        *("attendance/sign-ins", "attendance/face-checks", "lessons/identity", "lessons/progress"),
        "subsidies/decision",
    )
    gates = ("claim", "use", "verify", "sign-in")
    assert set(document["paths"]) == {f"/api/v1/{path}" for path in ours} | {f"/gate/{path}" for path in gates}
    assert document["components"]["schemas"]["VerifyIn"]["properties"]["code"]["examples"]
    assert document["components"]["securitySchemes"]["PartnerAuth"]["scheme"] == "bearer"
