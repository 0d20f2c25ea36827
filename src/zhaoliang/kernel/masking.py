"""Names and numbers as they may be shown in public: F1 §28 publishes names with part of the identity number hidden."""

from __future__ import annotations


def _mask(text: str, head: int, tail: int) -> str:
    hidden = len(text) - head - tail
    return f"{text[:head]}{'*' * hidden}{text[-tail:]}" if hidden >= 4 else "*" * len(text)


def mask_name(name: str) -> str:
    """The first character and one star for each further one, at most two: 张** hides how long a long name is."""
    return name[:1] + "*" * min(len(name) - 1, 2) if name else ""


def mask_id(number: str) -> str:
    """Resident and other numbers of 15 and more characters as 370***********1234; shorter ones keep one and two."""
    return _mask(number, 3, 4) if len(number) >= 15 else _mask(number, 1, 2)


def mask_phone(number: str) -> str:
    """138****5678."""
    return _mask(number, 3, 4)


def mask_card(number: str) -> str:
    """Only the last four digits, as banks print them: **** 1234."""
    return f"**** {number[-4:]}" if len(number) >= 8 else "****"
