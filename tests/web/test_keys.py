"""Whatever changes something can be asked twice and is done once (trust figure 9): every form and every call carries a key."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import zhaoliang

pytestmark = pytest.mark.mission("K3")

SOURCE = Path(zhaoliang.__file__).parent
FORM = re.compile(r'<form\b[^>]*method="post".*?</form>', re.S | re.I)

# Forms that ask, or that keep nothing beside a setting which is the same the second time; folders end in "/".
ASKING = {
    "components/templates/components/gallery/": "the gallery of parts; posts nowhere",
    "identity/templates/": "allauth's own pages: signing in and out, passwords, second factors",
    "components/templates/components/display_switch.html": "the reader's type size, in a cookie",
    "bureau/templates/bureau/home.html": "the place somebody works at, in the session",
    "bureau/templates/bureau/people.html": "looks a person up",
    "bureau/templates/bureau/voucher_list.html": "looks a voucher up",
    "desk/templates/desk/verify.html": "asks what a voucher is good for",
    "portal/templates/portal/check.html": "asks about a certificate or voucher",
    "portal/templates/portal/home.html": "asks about a certificate or voucher",
    "portal/templates/portal/eligibility.html": "asks what somebody can get",
    "worker/templates/worker/eligibility.html": "asks what somebody can get",
    "worker/templates/worker/me.html": "signs out",
    "templates/console/base_console.html": "the place, and signing out",
}
# Calls of acts without a key, each with why a second one does no harm.
WITHOUT_KEY = {
    "web/identity/claims.py": "the account of an identity is made once: its number is unique",
    "web/worker/views/classes.py attach_face": "a sign-in has one face result, the first",
    "web/desk/views/roster.py keep_mends": "keeps what is typed, the same text twice is the same text",
    "web/desk/views/vouchers.py verify_voucher": "a question that is logged each time it is asked",
    "web/portal/views/check.py verify_voucher": "a question that is logged each time it is asked",
    "api/views.py verify_voucher": "a question that is logged each time it is asked",
    "gate/faces.py attach_face": "a sign-in has one face result, the first",
    "web/bureau/tasks.py empty_exports": "what is too old is emptied at night, twice is once",
    "web/bureau/views/reconciliation.py start": "looks at an upload, once for each",
}


def acts() -> set[str]:
    """Names of the functions that are acts."""
    found = {"start"}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and any(
                isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name) and mark.func.id == "act"
                for mark in node.decorator_list
            ):
                found.add(node.name)
    return found


def test_every_form_that_changes_something_has_a_key_of_its_own() -> None:
    forms, without = 0, set()
    for file in (SOURCE / "web").rglob("*.html"):
        name = file.relative_to(SOURCE / "web").as_posix()
        for form in FORM.findall(file.read_text(encoding="utf-8")):
            forms += 1
            if "{% idempotency_key %}" not in form and 'name="key"' not in form:
                without.add(name)
    assert forms > 100
    assert {name for name in without if not any(name.startswith(start) for start in ASKING)} == set()
    assert {start for start in ASKING if not any(name.startswith(start) for name in without)} == set(), (
        "excuses no form"
    )


def test_every_call_of_an_act_hands_the_key_on() -> None:
    named, without, calls = acts(), set[tuple[str, str]](), 0
    for folder in ("web", "api", "gate"):
        for file in (SOURCE / folder).rglob("*.py"):
            where = file.relative_to(SOURCE).as_posix()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                words = {word.arg for word in node.keywords}
                spread = " ".join(ast.unparse(word.value) for word in node.keywords if word.arg is None)
                if name not in named or not ("at" in words or "given(" in spread):
                    continue
                calls += 1
                if "key" not in words and "given(" not in spread:
                    without.add((where, name))
    assert calls > 80
    assert {call for call in without if call[0] not in WITHOUT_KEY and " ".join(call) not in WITHOUT_KEY} == set()
    assert {*map(" ".join, without), *(where for where, _ in without)} >= set(WITHOUT_KEY), "excuses no call"
