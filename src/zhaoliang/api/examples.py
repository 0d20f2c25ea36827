"""Every operation of the published document with a call in curl and one in Python, made from the examples of its schemas.

They stand in `x-codeSamples` for readers that know it, and in the description for those that do not. `PLATFORM` is the address
of the pages, `GATE` that of the gate, `KEY` the partner's key.
"""

from __future__ import annotations

import json
from typing import Any

HEADERS = {"Authorization": "Bearer $KEY", "Content-Type": "application/json", "Idempotency-Key": "order-20260302-0001"}
PYTHON = """\
import json, os, urllib.request

address = os.environ["{base}"] + "{path}"
{data}headers = {headers}
with urllib.request.urlopen(urllib.request.Request(address, {given}headers=headers), timeout=30) as answer:
    print(json.load(answer))
"""


def with_examples(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its samples."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = _body(operation, document)
            curl, python = _curl(method, path, operation, body), _python(path, operation, body)
            operation["x-codeSamples"] = [
                {"lang": "curl", "label": "curl", "source": curl},
                {"lang": "python", "label": "Python", "source": python},
            ]
            said = operation.get("description", "")
            operation["description"] = f"{said}\n\n```sh\n{curl}\n```\n\n```python\n{python}```".strip()
    return document


def _body(operation: dict[str, Any], document: dict[str, Any]) -> Any:
    """What the operation takes, by the examples of its schema; None for one that takes no body."""
    found = operation.get("requestBody")
    return _sample(found["content"]["application/json"]["schema"], document) if found else None


def _sample(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A value of a schema: its example, else its default, else something of its kind; of an object what is required or exemplified."""
    if "$ref" in schema:
        return _sample(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    for name in ("oneOf", "anyOf", "allOf"):
        if name in schema:
            return _sample(schema[name][0], document)
    if examples := schema.get("examples"):
        return examples[0]
    if "default" in schema:
        return schema["default"]
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema:
        required = schema.get("required", [])
        shown = {name: one for name, one in schema["properties"].items() if name in required or "examples" in one}
        return {name: _sample(one, document) for name, one in shown.items()}
    return {"integer": 1, "boolean": True}.get(schema.get("type", ""), "…")


def _headers(operation: dict[str, Any], body: Any) -> dict[str, str]:
    keyed = any(one["name"].lower().replace("_", "-") == "idempotency-key" for one in operation.get("parameters", ()))
    sent = {
        "Authorization": bool(operation.get("security")),
        "Content-Type": body is not None,
        "Idempotency-Key": keyed,
    }
    return {name: HEADERS[name] for name in HEADERS if sent[name]}


def _query(operation: dict[str, Any]) -> str:
    asked = [one for one in operation.get("parameters", ()) if one["in"] == "query" and one.get("required")]
    return "?" + "&".join(f"{one['name']}={_sample(one['schema'], {})}" for one in asked) if asked else ""


def _base(path: str) -> str:
    return "GATE" if path.startswith("/gate/") else "PLATFORM"


def _curl(method: str, path: str, operation: dict[str, Any], body: Any) -> str:
    parts = [f'curl -X {method.upper()} "${_base(path)}{path}{_query(operation)}"']
    parts += [f'-H "{name}: {value}"' for name, value in _headers(operation, body).items()]
    if body is not None:
        parts.append(f"-d '{json.dumps(body, ensure_ascii=False)}'")
    return " \\\n  ".join(parts)


def _python(path: str, operation: dict[str, Any], body: Any) -> str:
    lines = [
        f'"{name}": ' + ("f\"Bearer {os.environ['KEY']}\"" if name == "Authorization" else f'"{value}"')
        for name, value in _headers(operation, body).items()
    ]
    # JSON and Python write this data alike but for what is true.
    written = json.dumps(body, ensure_ascii=False).replace(": true", ": True").replace(": false", ": False")
    return PYTHON.format(
        base=_base(path),
        path=path + _query(operation),
        data=f"data = json.dumps({written}).encode()\n" if body is not None else "",
        headers="{" + ", ".join(lines) + "}",
        given="data, " if body is not None else "",
    )
