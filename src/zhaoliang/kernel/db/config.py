"""Django's DATABASES from the environment: `DATABASE_URL`, or the embedded server under `var/`."""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured

from zhaoliang.kernel.db.embedded import EmbeddedServer

ENGINE = "zhaoliang.kernel.db.backend"
APP_ROLE = "zhaoliang_app"
# As many connections as a web process has threads, and some for health checks.
POOL = {"min_size": 2, "max_size": 10, "timeout": 10}


def database_url(var: Path) -> str:
    """Return the address of the database: `DATABASE_URL`, else that of the embedded server (started or not)."""
    return os.environ.get("DATABASE_URL") or EmbeddedServer(var / "postgres").url()


def databases(var: Path) -> dict[str, dict[str, Any]]:
    """Return Django's DATABASES.

    Connections take the role `zhaoliang_app`, whose grants keep append-only tables append-only, unless
    `ZHAOLIANG_DB_ROLE=owner` (migrations). `ZHAOLIANG_DB_POOL=1` pools connections in a serving process.
    """
    entry = parse_url(database_url(var))
    role = os.environ.get("ZHAOLIANG_DB_ROLE", APP_ROLE)
    if role != "owner":
        entry["OPTIONS"]["assume_role"] = role
    if os.environ.get("ZHAOLIANG_DB_POOL") == "1":
        entry["OPTIONS"]["pool"] = dict(POOL)
    return {"default": entry}


def parse_url(url: str) -> dict[str, Any]:
    """Return the DATABASES entry for `postgresql://user:password@host:port/name?option=value`.

    A socket folder is given as `?host=/folder` or as a percent-encoded host. Raises ImproperlyConfigured for another
    kind of address.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured("DATABASE_URL must be a postgresql:// address; only PostgreSQL 15 or newer will do")
    options = dict(parse_qsl(parts.query))
    address = parts.netloc.rpartition("@")[2]
    # Not parts.hostname for a socket folder: it loses the capitals of the path.
    named = unquote(address.partition(":")[0]) if address.startswith("%2") else parts.hostname or ""
    host = options.pop("host", "") or named
    try:
        port = options.pop("port", "") or str(parts.port or "")
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL has an unreadable port: {error}") from error
    return {
        "ENGINE": ENGINE,
        "NAME": unquote(parts.path.lstrip("/")) or options.pop("dbname", "") or "zhaoliang",
        "USER": unquote(parts.username or options.pop("user", "")),
        "PASSWORD": unquote(parts.password or options.pop("password", "")),
        "HOST": host,
        "PORT": port,
        "OPTIONS": dict(options),
        "CONN_MAX_AGE": 0,
    }


def without_password(url: str) -> str:
    """Return a database address that may be shown."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    login = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login[0].partition(':')[0]}:***@{login[2]}"))
