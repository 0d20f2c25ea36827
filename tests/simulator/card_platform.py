"""A small stand-in for the national card platform: it knows the published document and a key, and nothing of our code.

`python card_platform.py PAGES GATE KEY` reads errands as JSON lines on standard input and writes one JSON line for each:
`{"do": "claim", "at": "gate", "key": "…", "body": {…}}` gives `{"status": 200, "answer": {…}}`. `at` is api or gate. A 429, a 503
or a broken connection is tried again with the same key after the time the answer names, as the document asks.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PATHS = {
    "batches": "/vouchers/batches",
    "verify": "/vouchers/verify",
    "claim": "/vouchers/claim",
    "use": "/vouchers/use",
    "sign-in": "/attendance/sign-ins",
    "query": "/certificates/check",
}
TRIES = 5


def ask(
    address: str,
    key: str,
    body: dict[str, Any] | None,
    idempotency_key: str,
    wait: Callable[[float], None] = time.sleep,
) -> tuple[int, Any]:
    """One request with its repeats; `wait` is given the seconds in between."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    if idempotency_key:
        headers["Idempotency-Key"] = idempotency_key
    data = json.dumps(body).encode() if body is not None else None
    for attempt in range(TRIES):
        request = urllib.request.Request(address, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 503) or attempt == TRIES - 1:
                return error.code, json.load(error)
            wait(int(error.headers.get("Retry-After", "1")))
        except OSError:
            if attempt == TRIES - 1:
                raise
            wait(1)
    raise AssertionError("never reached")


def main(pages: str, gate: str, key: str) -> None:
    """Run the errands."""
    with urllib.request.urlopen(f"{pages}/api/v1/openapi.json", timeout=30) as answer:
        documented = json.load(answer)["paths"]
    for line in sys.stdin:
        errand = json.loads(line)
        name, at_gate = errand["do"], errand.get("at") == "gate"
        path = f"/gate/{name}" if at_gate else f"/api/v1{PATHS[name]}"
        if path not in documented:
            raise SystemExit(f"the document does not know {path}")
        address = (gate if at_gate else pages) + path + errand.get("query", "")
        status, given = ask(address, key, errand.get("body"), errand.get("key", ""))
        sys.stdout.write(json.dumps({"status": status, "answer": given}, ensure_ascii=False) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
