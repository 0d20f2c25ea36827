"""After a change of keys every stored personal value opens with the new key alone."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Iterator

import pytest

from factories.registry import person
from zhaoliang.kernel import crypto
from zhaoliang.kernel.rotation import encrypted_columns, rotate_all
from zhaoliang.registry.models import Person


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict]:
    """A key ring of this test alone."""
    made = json.loads(crypto.new_keys())
    monkeypatch.setenv("ZHAOLIANG_KEYS", json.dumps(made))
    crypto.key_ring.cache_clear()
    yield made
    monkeypatch.undo()
    crypto.key_ring.cache_clear()


def _use(monkeypatch: pytest.MonkeyPatch, made: dict) -> None:
    monkeypatch.setenv("ZHAOLIANG_KEYS", json.dumps(made))
    crypto.key_ring.cache_clear()


@pytest.mark.mission("B1")
def test_stored_values_move_to_the_new_key_and_the_old_one_can_go(
    db: None, keys: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = person()
    number, phone = someone.document_number, someone.phone
    keys["encryption"]["keys"]["e2"] = {
        "cipher": "aes-256-gcm",
        "key": base64.b64encode(secrets.token_bytes(32)).decode(),
    }
    keys["encryption"]["active"] = "e2"
    _use(monkeypatch, keys)
    changed = {(row.table, row.column): row.changed for row in rotate_all()}
    assert changed["person", "document_number"] == 1
    assert all(row.changed == 0 for row in rotate_all())
    del keys["encryption"]["keys"]["e1"]
    _use(monkeypatch, keys)
    again = Person.objects.get(city_code=someone.city_code, pk=someone.pk)
    assert (again.document_number, again.phone) == (number, phone)


def test_every_sensitive_column_is_among_those_rotated() -> None:
    columns = {(model._meta.db_table, field.column) for model, field in encrypted_columns()}
    assert {
        ("person", "document_number"),
        ("person", "phone"),
        ("person", "card_number"),
        ("organisation", "account_number"),
        ("payment_line", "account_number"),
    } <= columns
