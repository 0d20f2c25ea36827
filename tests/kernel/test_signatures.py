"""Both algorithms sign, name their key, travel as JSON Web Keys and refuse everything else."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from zhaoliang.kernel.crypto import KeyRing, change_signing_key, load, new_keys
from zhaoliang.kernel.signatures import ED25519, SM2, KeyProblem, PublicKeys, Tampered, signer

pytestmark = pytest.mark.mission("C6")
RINGS = {algorithm: KeyRing.from_json(new_keys(signature=algorithm)) for algorithm in (ED25519, SM2)}


@pytest.mark.parametrize("algorithm", RINGS)
def test_published_keys_are_enough_to_check_and_fit_nothing_else(algorithm: str) -> None:
    ring, other = RINGS[algorithm], KeyRing.from_json(new_keys(signature=algorithm))
    signature = ring.sign("券".encode())
    published = PublicKeys.from_jwks(json.dumps({"keys": ring.public_keys()}))
    (kid,) = (key["kid"] for key in ring.public_keys())
    assert published.verify("券".encode(), signature) == kid
    for content, signed in {b"other": signature, "券".encode(): signature[:-1] + bytes((signature[-1] ^ 1,))}.items():
        with pytest.raises(Tampered):
            published.verify(content, signed)
    for cut in (signature[:-1], signature[:20], signature[:1], b""):
        with pytest.raises(Tampered):
            published.verify("券".encode(), cut)
    with pytest.raises(KeyProblem):
        published.verify("券".encode(), other.sign("券".encode()))


def test_a_change_of_algorithm_leaves_old_signatures_checkable() -> None:
    old, new = json.loads(new_keys()), json.loads(new_keys(signature=SM2))
    signature = KeyRing.from_json(json.dumps(old)).sign(b"x")
    new["signing"]["keys"] |= old["signing"]["keys"]
    ring = KeyRing.from_json(json.dumps(new))
    assert ring.verify(b"x", signature) == old["signing"]["active"]
    assert ring.verify(b"x", ring.sign(b"x")) == new["signing"]["active"]
    assert {key["crv"] for key in ring.public_keys()} == {"Ed25519", "SM2"}


def test_an_sm2_key_that_begins_like_a_marked_point_signs_and_is_checked() -> None:
    # The public half of 11 is 04b3cb10…; one key in 256 begins with 04.
    key = signer({"algorithm": SM2, "key": base64.b64encode((11).to_bytes(32, "big")).decode()})
    assert key.public.raw()[0] == 4
    key.public.verify("券".encode(), key.sign("券".encode()))
    with pytest.raises(Tampered):
        key.public.verify("劵".encode(), key.sign("券".encode()))


@pytest.mark.parametrize(
    "text",
    ["", "[1]", '{"keys": 3}', '[{"kid": "a"}]', '[{"kid":"a","kty":"EC","crv":"SM2","x":"AA","y":"AA"}]', "[" * 9_999],
)
def test_what_is_no_public_key_is_said_so(text: str) -> None:
    with pytest.raises(KeyProblem):
        PublicKeys.from_jwks(text)


@pytest.mark.parametrize("algorithm", RINGS)
def test_a_new_signing_key_takes_over_and_the_old_one_keeps_its_public_half(
    algorithm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ZHAOLIANG_KEYS", "ZHAOLIANG_KEY_FILE"):
        monkeypatch.delenv(name, raising=False)
    before = load(tmp_path)
    signature = before.sign(b"x")
    key_id = change_signing_key(tmp_path, algorithm)
    third = change_signing_key(tmp_path, ED25519)
    after = load(tmp_path)
    assert after.verify(b"x", signature) == before.public_keys()[0]["kid"]
    assert after.verify(b"y", after.sign(b"y")) == third
    assert {key["kid"] for key in after.public_keys()} == {before.public_keys()[0]["kid"], key_id, third}
    assert after.decrypt(before.encrypt("甲", context="a"), context="a") == "甲"
    monkeypatch.setenv("ZHAOLIANG_KEYS", new_keys())
    with pytest.raises(KeyProblem):
        change_signing_key(tmp_path, algorithm)
