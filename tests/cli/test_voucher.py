"""`zhaoliang voucher verify --offline`: without Django, database or network, each token named."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from zhaoliang.kernel.crypto import KeyRing, new_keys
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.signatures import SM2
from zhaoliang.vouchers import qr

pytestmark = pytest.mark.mission("C6")
# Django cannot be imported and no socket opened: whoever needs either fails.
ALONE = """
import socket, sys
sys.modules["django"] = sys.modules["psycopg"] = None
def closed(*given, **named): raise SystemExit("the network is off")
socket.socket = socket.create_connection = socket.getaddrinfo = closed
from zhaoliang.cli.main import app
for arguments in __import__("json").load(sys.stdin):
    try:
        app(arguments)
    except SystemExit as end:
        print(end.code)
"""


def test_each_token_is_named_with_network_and_database_off(tmp_path: Path) -> None:
    now, code = datetime.now(UTC), str(new_code(120000))
    ours, sm2, stranger = (KeyRing.from_json(text) for text in (new_keys(), new_keys(signature=SM2), new_keys()))
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"keys": ours.public_keys() + sm2.public_keys()}))

    def made(kind: str = qr.SCREEN, moment: datetime = now, ring: KeyRing = ours) -> str:
        return qr.make(code, kind, moment, sign=ring.sign)

    cases = {
        # Issued a little ahead, within the allowed difference of clocks: the process takes a while to start.
        made(moment=now + timedelta(seconds=4)): "genuine",
        made(qr.PAPER, now + timedelta(days=9)): "genuine",
        made(qr.PAPER, now + timedelta(days=9), sm2): "genuine",
        made(moment=now - timedelta(minutes=2)): "stale",
        made(qr.PAPER, now - timedelta(days=1)): "expired",
        made()[:-1] + "é": "malformed",
        made().replace("ZLQ1.", "ZLQ1.A"): "altered",
        made(ring=stranger): "foreign_key",
        qr.make(code, qr.SCREEN, now, sign=lambda payload: ours.sign(b"other")): "forged",
        code: "unsigned",
        code[:-1]: "malformed",
    }
    asked = [["voucher", "verify", "--offline", "--json", "--key", str(keys), text] for text in cases]
    done = subprocess.run(
        [sys.executable, "-c", ALONE], input=json.dumps(asked), capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr[-500:]
    assert [json.loads(line)["answer"] for line in lines[::2]] == list(cases.values())
    assert [end == "0" for end in lines[1::2]] == [answer == "genuine" for answer in cases.values()]
    assert "只有联网才查得到" in json.loads(lines[0])["says"]


def test_without_usable_keys_it_says_so(tmp_path: Path) -> None:
    token = qr.make(str(new_code(120000)), qr.SCREEN, datetime.now(UTC), sign=lambda payload: b"x")
    (tmp_path / "empty").write_text("{}")
    for given in ([], ["--key", str(tmp_path / "none")], ["--key", str(tmp_path / "empty")]):
        command = [sys.executable, "-m", "zhaoliang", "voucher", "verify", "--offline", *given, token]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert "公钥" in done.stderr
