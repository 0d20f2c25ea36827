"""Numbers that name people, organisations, certificates, cards and vouchers: one module each, all parsed the same way.

Every `parse_…` takes text as people type it (full-width digits, spaces, lower case), returns a small frozen value whose
`number` is the canonical form, and raises `InvalidIdentifier` when the text cannot be such a number.
"""

from __future__ import annotations

import unicodedata
from typing import ClassVar

from zhaoliang.kernel.errors import BadInput

# Zero-width characters and the apostrophe by which spreadsheets mark text travel along when a number is pasted.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff'‘’`"))


class InvalidIdentifier(BadInput, ValueError):
    """The text is not a valid number of its kind; the message says so to a person and never repeats the text."""

    code: ClassVar[str] = "invalid_identifier"


def normalise(text: str, *, drop: str = "") -> str:
    """`text` in half-width upper case without whitespace, invisible characters and the characters in `drop`."""
    if text.isascii() and text.isalnum() and not any(c in text for c in drop):
        return text.upper()
    plain = unicodedata.normalize("NFKC", text).translate(_INVISIBLE)
    kept = (c for c in plain if not c.isspace() and c not in drop)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c.upper() for c in kept)
