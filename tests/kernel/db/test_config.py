"""DATABASE_URL in its forms."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from zhaoliang.kernel.db.config import databases, parse_url, without_password


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://me:p%40ss@db.internal:6432/city", ("city", "me", "p@ss", "db.internal", "6432", {})),
        ("postgres://db.internal/city", ("city", "", "", "db.internal", "", {})),
        ("postgresql://me@/city?host=/run/pg%20x", ("city", "me", "", "/run/pg x", "", {})),
        ("postgresql://%2Frun%2Fpg/city", ("city", "", "", "/run/pg", "", {})),
        ("postgresql://[::1]:5433/city", ("city", "", "", "::1", "5433", {})),
        ("postgresql:///", ("zhaoliang", "", "", "", "", {})),
        ("postgresql://h/c?sslmode=require", ("c", "", "", "h", "", {"sslmode": "require"})),
    ],
)
def test_an_address_is_understood(url: str, expected: tuple[object, ...]) -> None:
    entry = parse_url(url)
    assert tuple(entry[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT", "OPTIONS")) == expected


@pytest.mark.parametrize("url", ["sqlite:///x", "mysql://h/x", "postgresql://h:port/x"])
def test_another_address_is_refused(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        parse_url(url)


def test_the_running_system_takes_its_role(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me@h/c")
    monkeypatch.delenv("ZHAOLIANG_DB_ROLE", raising=False)
    assert databases(tmp_path)["default"]["OPTIONS"] == {"assume_role": "zhaoliang_app"}
    monkeypatch.setenv("ZHAOLIANG_DB_ROLE", "owner")
    assert databases(tmp_path)["default"]["OPTIONS"] == {}
    monkeypatch.setenv("ZHAOLIANG_DB_POOL", "1")
    assert "pool" in databases(tmp_path)["default"]["OPTIONS"]


def test_without_an_address_the_embedded_server_is_meant(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    entry = databases(tmp_path)["default"]
    assert entry["HOST"].startswith("/")
    assert entry["NAME"] == "zhaoliang"
    assert databases(tmp_path / "other")["default"]["HOST"] != entry["HOST"]


def test_a_password_is_not_shown() -> None:
    assert without_password("postgresql://me:secret@h:1/c?x=1") == "postgresql://me:***@h:1/c?x=1"
    assert without_password("postgresql://me@h/c") == "postgresql://me@h/c"
