"""What the content security policy would silently break: inline scripts, handlers and styles, in any template."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import zhaoliang.web

WEB = Path(zhaoliang.web.__file__).parent
TEMPLATES = sorted(WEB.rglob("*.html"))
INLINE = {
    "a script in the page": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*application/json)", re.IGNORECASE),
    "an event handler": re.compile(r"<[a-z][^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "an htmx handler": re.compile(r"\bhx-on[:\w-]*\s*=", re.IGNORECASE),
    "a style": re.compile(r"<style\b|<[a-z][^>]*\sstyle\s*=", re.IGNORECASE),
    "a javascript link": re.compile(r"href\s*=\s*[\"']\s*javascript:", re.IGNORECASE),
    "an address elsewhere": re.compile(r"(?:src|href)\s*=\s*[\"'](?:https?:)?//", re.IGNORECASE),
}


def test_there_are_templates_to_look_at() -> None:
    assert len(TEMPLATES) > 20


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(WEB).as_posix())
def test_no_template_carries_what_the_policy_refuses(path: Path) -> None:
    text = path.read_text("utf-8")
    assert [what for what, pattern in INLINE.items() if pattern.search(text)] == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(WEB).as_posix())
def test_every_posting_form_carries_its_protection_code(path: Path) -> None:
    text = path.read_text("utf-8")
    forms = re.findall(r"<form\b[^>]*method=[\"']post[\"'].*?</form>", text, re.IGNORECASE | re.DOTALL)
    assert [form[:80] for form in forms if "csrf" not in form] == []
