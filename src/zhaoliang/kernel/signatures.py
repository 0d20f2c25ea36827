"""Signatures that others can check: Ed25519 by default, SM2 with SM3 where commercial cryptography is asked for.

A signature is headed by the id of its key, so that keys can be changed while old signatures stay checkable. Public keys
travel as JSON Web Keys; `PublicKeys.from_jwks` checks with nothing else at hand: no Django, database or network. SM2 is pure
Python (15 to 30 ms a signature): fine for a page, not for thousands a second.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from gmssl.sm2 import CryptSM2, default_ecc_table

ED25519, SM2 = "ed25519", "sm2"
VERSION = 1


class KeyProblem(Exception):
    """The key configuration is unusable, or a message needs a key that is not configured."""


class Tampered(Exception):
    """A ciphertext or signature does not fit its key, its context or its content."""


def header(key_id: str) -> bytes:
    """What heads a message: version and key id."""
    name = key_id.encode()
    return bytes((VERSION, len(name))) + name


def read_header(message: bytes) -> tuple[str, int]:
    """Key id and length of the header. Raises Tampered."""
    if len(message) < 2 or message[0] != VERSION or len(message) < 2 + message[1]:
        raise Tampered("not a message of this key ring")
    try:
        return message[2 : 2 + message[1]].decode(), 2 + message[1]
    except UnicodeDecodeError:
        raise Tampered("not a message of this key ring") from None


class PublicKey(Protocol):
    """The half of a key that anyone may have."""

    def verify(self, payload: bytes, signature: bytes) -> None:
        """Raises Tampered unless this key signed exactly this."""
        ...

    def raw(self) -> bytes:
        """The key's bytes."""
        ...

    def jwk(self, key_id: str) -> dict[str, str]:
        """The key as a JSON Web Key."""
        ...


class Signer(Protocol):
    """A private key."""

    @property
    def public(self) -> PublicKey:
        """Its public half."""
        ...

    def sign(self, payload: bytes) -> bytes:
        """The bare signature."""
        ...


class Ed25519Public:
    """An Ed25519 public key (RFC 8032), 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(raw)

    def verify(self, payload: bytes, signature: bytes) -> None:
        try:
            self._key.verify(signature, payload)
        except InvalidSignature:
            raise Tampered("the signature does not fit the content") from None

    def raw(self) -> bytes:
        return self._key.public_bytes_raw()

    def jwk(self, key_id: str) -> dict[str, str]:
        return {"kty": "OKP", "crv": "Ed25519", "kid": key_id, "x": unpadded(self.raw())}


class Ed25519Signer:
    """An Ed25519 private key, 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        self.public = Ed25519Public(self._key.public_key().public_bytes_raw())

    def sign(self, payload: bytes) -> bytes:
        return self._key.sign(payload)


class Sm2Public:
    """An SM2 public key (GB/T 32918), 64 bytes: both coordinates."""

    def __init__(self, raw: bytes) -> None:
        if len(raw) != 64 or not _on_curve(raw):
            raise ValueError("not a point of the SM2 curve")
        self._raw = raw
        self._key = _library_key(raw)

    def verify(self, payload: bytes, signature: bytes) -> None:
        if len(signature) != 64 or not self._key.verify_with_sm3(signature.hex(), payload):
            raise Tampered("the signature does not fit the content")

    def raw(self) -> bytes:
        return self._raw

    def jwk(self, key_id: str) -> dict[str, str]:
        return {"kty": "EC", "crv": "SM2", "kid": key_id, "x": unpadded(self._raw[:32]), "y": unpadded(self._raw[32:])}


class Sm2Signer:
    """An SM2 private key, 32 bytes."""

    def __init__(self, raw: bytes) -> None:
        number = int.from_bytes(raw, "big")
        if len(raw) != 32 or not 0 < number < int(default_ecc_table["n"], 16) - 1:
            raise ValueError("not an SM2 private key")
        point = CryptSM2(private_key=raw.hex(), public_key="")._kg(number, default_ecc_table["g"])
        self.public = Sm2Public(bytes.fromhex(point or ""))
        self._key = _library_key(self.public.raw(), raw.hex())

    def sign(self, payload: bytes) -> bytes:
        signature = None
        while signature is None:  # a random number that does not serve is answered with None
            signature = self._key.sign_with_sm3(payload, secrets.token_hex(32))
        return bytes.fromhex(signature)


def _library_key(public: bytes, private: str = "") -> CryptSM2:
    # Given to its constructor, a key that begins with 04 (one in 256) is taken for a marked one and loses all 0 and 4 it begins with.
    made = CryptSM2(private_key=private, public_key="")
    made.public_key = public.hex()
    return made


def _on_curve(raw: bytes) -> bool:
    p, a, b = (int(default_ecc_table[name], 16) for name in "pab")
    x, y = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    return x < p and y < p and (y * y - x * x * x - a * x - b) % p == 0


_SIGNERS: dict[str, type[Ed25519Signer] | type[Sm2Signer]] = {ED25519: Ed25519Signer, SM2: Sm2Signer}
_PUBLIC: dict[str, type[Ed25519Public] | type[Sm2Public]] = {ED25519: Ed25519Public, SM2: Sm2Public}


def signer(entry: Any) -> Signer:
    """A private key as configured: base64 of an Ed25519 key, or `{"algorithm": "sm2", "key": "<base64>"}`. Raises ValueError,
    KeyError, TypeError."""
    algorithm, raw = _entry(entry)
    return _SIGNERS[algorithm](raw)


def public_key(entry: Any) -> PublicKey:
    """A public key as configured, in the same two forms. Raises ValueError, KeyError, TypeError."""
    algorithm, raw = _entry(entry)
    return _PUBLIC[algorithm](raw)


def new_signer(algorithm: str = ED25519) -> tuple[str, Any]:
    """A fresh private key: its id, made of its public half so that no two installations share one, and its entry."""
    while True:
        raw = secrets.token_bytes(32)
        try:
            made = _SIGNERS[algorithm](raw)
        except ValueError:  # an SM2 number beyond the curve's order, about one in four billion
            continue
        key_id = "s-" + hashlib.sha256(made.public.raw()).hexdigest()[:10]
        text = base64.b64encode(raw).decode()
        return key_id, text if algorithm == ED25519 else {"algorithm": algorithm, "key": text}


def _entry(entry: Any) -> tuple[str, bytes]:
    if isinstance(entry, str):
        return ED25519, base64.b64decode(entry, validate=True)
    return entry["algorithm"], base64.b64decode(entry["key"], validate=True)


class PublicKeys:
    """Public keys by id: all that checking a signature needs."""

    def __init__(self, keys: Mapping[str, PublicKey]) -> None:
        self._keys = dict(keys)

    @classmethod
    def from_jwks(cls, text: str) -> PublicKeys:
        """The keys of a published document: `{"keys": [...]}`, a bare list, or a single key. Raises KeyProblem."""
        try:
            data: Any = json.loads(text)
            rows = data if isinstance(data, list) else data.get("keys", [data])
            return cls({row["kid"]: _from_jwk(row) for row in rows})
        except (AttributeError, KeyError, TypeError, ValueError, binascii.Error, RecursionError) as problem:
            raise KeyProblem(f"these are not public keys ({type(problem).__name__})") from None

    def verify(self, payload: bytes, signature: bytes) -> str:
        """The id of the key that signed. Raises Tampered on a wrong signature, KeyProblem on an unknown key."""
        key_id, start = read_header(signature)
        if key_id not in self._keys:
            raise KeyProblem(f"signing key {key_id!r} is not known")
        self._keys[key_id].verify(payload, signature[start:])
        return key_id

    def entries(self) -> dict[str, Any]:
        """The keys as a configuration holds them."""
        return {key_id: _text(key) for key_id, key in self._keys.items()}

    def jwks(self) -> list[dict[str, str]]:
        """The keys as JSON Web Keys, by id."""
        return [key.jwk(key_id) for key_id, key in sorted(self._keys.items())]


def _text(key: PublicKey) -> Any:
    text = base64.b64encode(key.raw()).decode()
    return text if isinstance(key, Ed25519Public) else {"algorithm": SM2, "key": text}


def _from_jwk(row: Mapping[str, str]) -> PublicKey:
    curve = (row["kty"], row["crv"])
    if curve == ("OKP", "Ed25519"):
        return Ed25519Public(padded(row["x"]))
    if curve == ("EC", "SM2"):
        return Sm2Public(padded(row["x"]) + padded(row["y"]))
    raise ValueError("neither Ed25519 nor SM2")


def unpadded(raw: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def padded(text: str) -> bytes:
    """The bytes of base64 for addresses without padding; each has exactly one text. Raises ValueError."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if unpadded(raw) != text:
        raise ValueError("not canonical base64")
    return raw
