"""Encryption at rest is bound to its place and rotates; hashes find without storing; signatures name their key."""

import base64
import json
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel import crypto
from zhaoliang.kernel.crypto import AES_256_GCM, SM4_GCM, KeyProblem, KeyRing, Tampered, load, new_keys, sm3_hmac

RINGS = {cipher: KeyRing.from_json(new_keys(cipher)) for cipher in (AES_256_GCM, SM4_GCM)}
ID = "370900199001011234"


@pytest.mark.mission("B1")
@pytest.mark.parametrize("cipher", RINGS)
@given(text=st.text())
def test_what_is_encrypted_is_read_back_and_never_looks_the_same(cipher: str, text: str) -> None:
    ring = RINGS[cipher]
    one, other = (ring.encrypt(text, context="registry.Person.phone") for _ in range(2))
    assert one != other
    assert ring.decrypt(one, context="registry.Person.phone") == text
    assert len(text) < 8 or text.encode() not in one


@pytest.mark.parametrize("cipher", RINGS)
def test_any_changed_byte_and_any_other_place_is_noticed(cipher: str) -> None:
    ring = RINGS[cipher]
    message = ring.encrypt(ID, context="a")
    with pytest.raises(Tampered):
        ring.decrypt(message, context="b")
    for place in range(len(message)):
        changed = bytearray(message)
        changed[place] ^= 1
        with pytest.raises((Tampered, KeyProblem)):
            ring.decrypt(bytes(changed), context="a")
        with pytest.raises(Tampered):
            ring.decrypt(message[:place], context="a")


def test_rotation_keeps_old_messages_readable_and_moves_them_to_the_new_key() -> None:
    before = json.loads(new_keys())
    old = KeyRing.from_json(json.dumps(before))
    message = old.encrypt(ID, context="a")
    after = json.loads(json.dumps(before))
    after["encryption"]["keys"]["e2"] = {"cipher": SM4_GCM, "key": base64.b64encode(b"k" * 16).decode()}
    after["encryption"]["active"] = "e2"
    ring = KeyRing.from_json(json.dumps(after))
    assert ring.decrypt(message, context="a") == ID
    rotated = ring.rotate(message, context="a")
    assert ring.rotate(rotated, context="a") is rotated
    assert ring.keyed_hash(ID, purpose="p") == old.keyed_hash(ID, purpose="p")
    del after["encryption"]["keys"]["e1"]
    without_old = KeyRing.from_json(json.dumps(after))
    assert without_old.decrypt(rotated, context="a") == ID
    with pytest.raises(KeyProblem, match="e1"):
        without_old.decrypt(message, context="a")


@pytest.mark.mission("B1")
def test_hashes_find_equal_values_of_one_purpose_under_one_key() -> None:
    ring, stranger = RINGS[AES_256_GCM], RINGS[SM4_GCM]
    digest = ring.keyed_hash(ID, purpose="id")
    assert len(digest) == 32
    assert digest == ring.keyed_hash(ID, purpose="id")
    others = {
        ring.keyed_hash(ID, purpose="phone"),
        ring.keyed_hash(ID[:-1], purpose="id"),
        stranger.keyed_hash(ID, purpose="id"),
    }
    assert len(others | {digest}) == 4


def test_hmac_sm3_agrees_with_an_independent_implementation() -> None:
    from gmssl import func, sm3

    def plain_sm3(message: bytes) -> bytes:
        return bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(message)))

    key, message = b"k" * 32, "泰安".encode()
    padded = key.ljust(64, b"\0")
    inner = plain_sm3(bytes(b ^ 0x36 for b in padded) + message)
    assert sm3_hmac(key, message) == plain_sm3(bytes(b ^ 0x5C for b in padded) + inner)


def test_signatures_name_their_key_and_outlive_it() -> None:
    first = json.loads(new_keys())
    (kid,) = first["signing"]["keys"]
    ring = KeyRing.from_json(json.dumps(first))
    signature = ring.sign(b"certificate")
    assert ring.verify(b"certificate", signature) == kid
    with pytest.raises(Tampered):
        ring.verify(b"certificate!", signature)
    (jwk,) = ring.public_keys()
    raw = base64.urlsafe_b64decode(jwk["x"] + "=")
    Ed25519PublicKey.from_public_bytes(raw).verify(signature[-64:], b"certificate")

    second = json.loads(new_keys())
    (other,) = second["signing"]["keys"]
    assert other != kid
    stranger = KeyRing.from_json(json.dumps(second))
    with pytest.raises(KeyProblem, match=kid):
        stranger.verify(b"certificate", signature)
    second["signing"]["public"] = {kid: base64.b64encode(raw).decode()}
    heir = KeyRing.from_json(json.dumps(second))
    assert heir.verify(b"certificate", signature) == kid
    assert heir.verify(b"x", heir.sign(b"x")) == other
    assert [key["kid"] for key in heir.public_keys()] == sorted([kid, other])


@pytest.mark.parametrize("broken", ["text", "empty", "shape", "cut", "active", "short"])
def test_unusable_configurations_are_refused_without_repeating_them(broken: str) -> None:
    keys = new_keys()
    short = json.loads(keys)
    short["hash"] = "AAAA"
    text = {
        "text": "not json",
        "empty": "{}",
        "shape": '{"encryption": 3}',
        "cut": keys[:-30],
        "active": keys.replace("e1", "e9", 1),
        "short": json.dumps(short),
    }[broken]
    with pytest.raises(KeyProblem) as problem:
        KeyRing.from_json(text)
    assert text not in str(problem.value)


def test_the_first_start_makes_a_private_key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZHAOLIANG_KEYS", "ZHAOLIANG_KEY_FILE", "ZHAOLIANG_CIPHER"):
        monkeypatch.delenv(name, raising=False)
    var = tmp_path / "with space" / "var"
    message = load(var).encrypt(ID, context="a")
    assert load(var).decrypt(message, context="a") == ID
    path = var / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o604)
    with pytest.raises(KeyProblem, match="chmod"):
        load(var)


def test_keys_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = new_keys()
    monkeypatch.setenv("ZHAOLIANG_KEYS", keys)
    message = load(tmp_path).encrypt(ID, context="a")
    assert not (tmp_path / "keys.json").exists()
    monkeypatch.delenv("ZHAOLIANG_KEYS")
    file = tmp_path / "given.json"
    monkeypatch.setenv("ZHAOLIANG_KEY_FILE", str(file))
    with pytest.raises(KeyProblem, match="names no file"):
        load(tmp_path)
    file.write_text(keys)
    file.chmod(0o600)
    assert load(tmp_path).decrypt(message, context="a") == ID
    monkeypatch.delenv("ZHAOLIANG_KEY_FILE")
    for name in ("ZHAOLIANG_CIPHER", "ZHAOLIANG_SIGNATURE"):
        monkeypatch.setenv(name, "rot13")
        with pytest.raises(KeyProblem, match=name):
            load(tmp_path)
        monkeypatch.delenv(name)


def test_module_functions_use_the_process_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "key_ring", lambda: RINGS[AES_256_GCM])
    message = crypto.encrypt(ID, context="a")
    assert crypto.decrypt(crypto.rotate(message, context="a"), context="a") == ID
    assert crypto.verify(b"x", crypto.sign(b"x")) == crypto.public_keys()[0]["kid"]
    assert crypto.keyed_hash(ID, purpose="id") == RINGS[AES_256_GCM].keyed_hash(ID, purpose="id")
    assert crypto.public_keys() == RINGS[AES_256_GCM].public_keys()
