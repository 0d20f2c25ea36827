"""Encryption at rest, keyed hashes for lookups, and signatures, under keys with ids so that keys can be changed.

Keys come from `ZHAOLIANG_KEYS` (the JSON below), from the file named by `ZHAOLIANG_KEY_FILE`, or from `var/keys.json`,
which the first start makes readable by its owner only:

    {"encryption": {"active": "e1", "keys": {"e1": {"cipher": "aes-256-gcm", "key": "<base64>"}}},
     "hash": "<base64>",
     "signing": {"active": "s1", "keys": {"s1": "<base64 private key>"}, "public": {"s0": "<base64 public key>"}}}

Signing keys are Ed25519; `{"algorithm": "sm2", "key": "<base64>"}` in their place makes one SM2.

A new active encryption key leaves the old ones readable; `rotate` re-encrypts. The hash key is one for life: changing
it means recomputing every stored hash. A retired signing key keeps only its public half. `sm4-gcm` serves where
the commercial cryptography review (GB/T 39786) asks for it.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from zhaoliang.kernel.localstate import read_or_make, replace
from zhaoliang.kernel.signatures import (
    ED25519,
    SM2,
    KeyProblem,
    PublicKey,
    PublicKeys,
    Signer,
    Tampered,
    header,
    new_signer,
    public_key,
    read_header,
    signer,
)

AES_256_GCM, SM4_GCM = "aes-256-gcm", "sm4-gcm"
_KEY_BYTES = {AES_256_GCM: 32, SM4_GCM: 16}
_NONCE, _TAG = 12, 16


@lru_cache(maxsize=8)
def _keyed_sm3(key: bytes) -> hmac.HMAC:
    """With the key worked in, which is half of a short message's cost."""
    return hmac.HMAC(key, hashes.SM3())


def sm3_hmac(key: bytes, message: bytes) -> bytes:
    """HMAC-SM3, 32 bytes."""
    mac = _keyed_sm3(key).copy()
    mac.update(message)
    return mac.finalize()


@dataclass(frozen=True)
class _EncryptionKey:
    cipher: str
    key: bytes

    def seal(self, nonce: bytes, plain: bytes, bound: bytes) -> bytes:
        if self.cipher == AES_256_GCM:
            return AESGCM(self.key).encrypt(nonce, plain, bound)
        sealer = Cipher(algorithms.SM4(self.key), modes.GCM(nonce)).encryptor()
        sealer.authenticate_additional_data(bound)
        return sealer.update(plain) + sealer.finalize() + sealer.tag

    def open(self, nonce: bytes, sealed: bytes, bound: bytes) -> bytes:
        if self.cipher == AES_256_GCM:
            return AESGCM(self.key).decrypt(nonce, sealed, bound)
        opener = Cipher(algorithms.SM4(self.key), modes.GCM(nonce, sealed[-_TAG:])).decryptor()
        opener.authenticate_additional_data(bound)
        return opener.update(sealed[:-_TAG]) + opener.finalize()


def _decode(text: str, size: int | None = None) -> bytes:
    raw = base64.b64decode(text, validate=True)
    if len(raw) != (size or 32):
        raise ValueError(f"a key has {len(raw)} bytes instead of {size or 32}")
    return raw


class KeyRing:
    """All keys of an installation. Build it with `from_json` or take the configured one from `key_ring()`."""

    def __init__(
        self,
        *,
        encryption: Mapping[str, tuple[str, bytes]],
        active_encryption: str,
        hash_key: bytes,
        signing: Mapping[str, Signer],
        active_signing: str,
        public: Mapping[str, PublicKey],
    ) -> None:
        self._encryption = {key_id: _EncryptionKey(*value) for key_id, value in encryption.items()}
        self._active_encryption = active_encryption
        self._hash_key = hash_key
        self._signing = dict(signing)
        self._active_signing = active_signing
        self.public = PublicKeys({**public, **{key_id: key.public for key_id, key in self._signing.items()}})
        if active_encryption not in self._encryption or active_signing not in self._signing:
            raise KeyProblem("the active key is not among the configured keys")
        if any(not 0 < len(key_id.encode()) < 256 for key_id in (*self._encryption, *public, *self._signing)):
            raise KeyProblem("key ids have 1 to 255 bytes")

    @classmethod
    def from_json(cls, text: str) -> KeyRing:
        """Read the configuration described above. Raises KeyProblem without repeating any key."""
        try:
            data: dict[str, Any] = json.loads(text)
            encryption, signing = data["encryption"], data["signing"]
            return cls(
                encryption={
                    key_id: (entry["cipher"], _decode(entry["key"], _KEY_BYTES[entry["cipher"]]))
                    for key_id, entry in encryption["keys"].items()
                },
                active_encryption=encryption["active"],
                hash_key=_decode(data["hash"]),
                signing={key_id: signer(entry) for key_id, entry in signing["keys"].items()},
                active_signing=signing["active"],
                public={key_id: public_key(entry) for key_id, entry in signing.get("public", {}).items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as problem:
            raise KeyProblem(f"the key configuration is malformed ({type(problem).__name__})") from None

    def encrypt(self, plain: str, *, context: str) -> bytes:
        """Encrypt text under the active key, bound to `context` (what it is, such as `registry.Person.phone`)."""
        head = header(self._active_encryption)
        nonce = secrets.token_bytes(_NONCE)
        key = self._encryption[self._active_encryption]
        return head + nonce + key.seal(nonce, plain.encode(), head + context.encode())

    def decrypt(self, message: bytes, *, context: str) -> str:
        """The text again. Raises Tampered if content, key id or context differ, KeyProblem when its key is missing."""
        key_id, start = read_header(message)
        if key_id not in self._encryption:
            raise KeyProblem(f"encryption key {key_id!r} is not configured")
        nonce, sealed = message[start : start + _NONCE], message[start + _NONCE :]
        if len(sealed) < _TAG:
            raise Tampered("the ciphertext is cut short")
        try:
            return self._encryption[key_id].open(nonce, sealed, message[:start] + context.encode()).decode()
        except InvalidTag:
            raise Tampered("the ciphertext does not fit its key or context") from None

    def rotate(self, message: bytes, *, context: str) -> bytes:
        """The same text under the active key; the very same bytes when it already is. Raises as `decrypt`."""
        if read_header(message)[0] == self._active_encryption:
            return message
        return self.encrypt(self.decrypt(message, context=context), context=context)

    def keyed_hash(self, value: str, *, purpose: str) -> bytes:
        """HMAC-SM3 (32 bytes) for finding an exact value without storing it; equal values differ between purposes."""
        return sm3_hmac(self._hash_key, purpose.encode() + b"\0" + value.encode())

    def sign(self, payload: bytes) -> bytes:
        """A signature under the active signing key, headed by the key's id."""
        return header(self._active_signing) + self._signing[self._active_signing].sign(payload)

    def verify(self, payload: bytes, signature: bytes) -> str:
        """The id of the key that signed. Raises Tampered on a wrong signature, KeyProblem on an unknown key."""
        return self.public.verify(payload, signature)

    def public_keys(self) -> list[dict[str, str]]:
        """The public signing keys as JSON Web Keys, for anyone who checks signatures offline."""
        return self.public.jwks()


def new_keys(cipher: str = AES_256_GCM, signature: str = ED25519) -> str:
    """A fresh configuration as JSON, one key of each sort."""

    def fresh(size: int = 32) -> str:
        return base64.b64encode(secrets.token_bytes(size)).decode()

    encryption = {"active": "e1", "keys": {"e1": {"cipher": cipher, "key": fresh(_KEY_BYTES[cipher])}}}
    key_id, entry = new_signer(signature)
    signing = {"active": key_id, "keys": {key_id: entry}, "public": {}}
    return json.dumps({"encryption": encryption, "hash": fresh(), "signing": signing}, indent=1)


def with_new_signing_key(text: str, algorithm: str) -> tuple[str, str]:
    """The configuration with a fresh active signing key, and its id; of the other ones only the public halves stay."""
    ring, data = KeyRing.from_json(text), json.loads(text)
    key_id, entry = new_signer(algorithm)
    data["signing"] = {"active": key_id, "keys": {key_id: entry}, "public": ring.public.entries()}
    return key_id, json.dumps(data, indent=1)


def change_signing_key(var: Path, algorithm: str) -> str:
    """Write `with_new_signing_key` to the key file, and give the new key's id. Processes see it when they start again.

    Raises KeyProblem when the keys are in the environment, or the algorithm is none of ours.
    """
    if os.environ.get("ZHAOLIANG_KEYS"):
        raise KeyProblem("the keys are in ZHAOLIANG_KEYS: change them where that is set")
    if algorithm not in (ED25519, SM2):
        raise KeyProblem(f"an algorithm is {ED25519} or {SM2}")
    load(var)
    path = _key_file(var)
    key_id, text = with_new_signing_key(path.read_text(), algorithm)
    replace(path, text.encode())
    return key_id


def _key_file(var: Path) -> Path:
    named = os.environ.get("ZHAOLIANG_KEY_FILE")
    return Path(named) if named else var / "keys.json"


def load(var: Path) -> KeyRing:
    """The configured key ring, see the top of this module. Raises KeyProblem, also when anyone may read the file."""
    given = os.environ.get("ZHAOLIANG_KEYS")
    if given:
        return KeyRing.from_json(given)
    path = _key_file(var)
    if os.environ.get("ZHAOLIANG_KEY_FILE") and not path.is_file():
        raise KeyProblem(f"ZHAOLIANG_KEY_FILE names no file: {path}")
    cipher = os.environ.get("ZHAOLIANG_CIPHER", AES_256_GCM)
    if cipher not in _KEY_BYTES:
        raise KeyProblem(f"ZHAOLIANG_CIPHER is one of {', '.join(_KEY_BYTES)}")
    signature = os.environ.get("ZHAOLIANG_SIGNATURE", ED25519)
    if signature not in (ED25519, SM2):
        raise KeyProblem(f"ZHAOLIANG_SIGNATURE is {ED25519} or {SM2}")
    text = read_or_make(path, new_keys(cipher, signature).encode()).decode()
    if path.stat().st_mode & 0o007:
        raise KeyProblem(f"{path} can be read by everyone: chmod 600 it")
    return KeyRing.from_json(text)


@lru_cache(maxsize=1)
def key_ring() -> KeyRing:
    """The key ring of this process, loaded on first use; `key_ring.cache_clear()` after a change of keys."""
    from django.conf import settings

    return load(settings.VAR)


def encrypt(plain: str, *, context: str) -> bytes:
    """`KeyRing.encrypt` with the process's keys."""
    return key_ring().encrypt(plain, context=context)


def decrypt(message: bytes, *, context: str) -> str:
    """`KeyRing.decrypt` with the process's keys."""
    return key_ring().decrypt(message, context=context)


def rotate(message: bytes, *, context: str) -> bytes:
    """`KeyRing.rotate` with the process's keys."""
    return key_ring().rotate(message, context=context)


def keyed_hash(value: str, *, purpose: str) -> bytes:
    """`KeyRing.keyed_hash` with the process's keys."""
    return key_ring().keyed_hash(value, purpose=purpose)


def sign(payload: bytes) -> bytes:
    """`KeyRing.sign` with the process's keys."""
    return key_ring().sign(payload)


def verify(payload: bytes, signature: bytes) -> str:
    """`KeyRing.verify` with the process's keys."""
    return key_ring().verify(payload, signature)


def public_keys() -> list[dict[str, str]]:
    """`KeyRing.public_keys` with the process's keys."""
    return key_ring().public_keys()
