"""What an officer most likely meant: the mends that messages about a policy file end with. All texts are Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from difflib import get_close_matches

MOST_LISTED = 16
CLAUSES_NAMED = 2
QUOTED = re.compile(r"'[^']*'")
PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)[%％]")
# Written by habit or by an input method, and how the rule language writes it.
HABITS = {
    "==": "=",
    "&&": "and",
    "||": "or",
    "≥": ">=",
    "≤": "<=",
    "≠": "<>",
    "＝": "=",
    "＞": ">",
    "＜": "<",
    "×": "*",
    "且": "and",
    "或": "or",
    "‘": "'",
    "’": "'",
    "“": "'",
    "”": "'",
    "，": ",",
    "、": ",",
    "（": "(",
    "）": ")",
    "：": ":",
    "；": "and",
}
# What the parser says, in words.
PARSER = {
    "Expecting )": "括号没有配对，缺少 )",
    "Expecting (": "括号没有配对，缺少 (",
    "Error tokenizing": "引号没有配对",
    "Required keyword": "缺少一部分",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the likeliest ones, or all where they are few."""
    names = sorted(set(known), key=_natural)
    near = get_close_matches(word, names, n=3, cutoff=0.6)
    near += [name for name in names if len(word) > 3 and (word in name or name in word) and name not in near]
    if near:
        return f"。是不是要写 {'、'.join(near[:4])}？"
    return f"；可用：{'、'.join(names)}" if 0 < len(names) <= MOST_LISTED else ""


def nearest_clause(cite: str, known: Iterable[str]) -> str:
    """The same for a clause: a missing number has the numbers next to it."""
    numbers = [name for name in known if name.isdecimal()]
    if not cite.isdecimal() or not numbers:
        return nearest(cite, known)
    near = sorted(numbers, key=lambda name: (abs(int(name) - int(cite)), int(name)))[:CLAUSES_NAMED]
    return f"。是不是要写 {'、'.join(near)}？"


def nearest_code(word: str, codes: Mapping[str, str]) -> str:
    """The same for a code: `1` for 01, the Chinese name for its code."""
    if word.isdecimal():
        same = [code for code in codes if code.isdecimal() and int(code) == int(word)]
    else:
        same = [code for code, label in codes.items() if label == word]
        same = same or [code for code, label in codes.items() if len(word) > 1 and label.startswith(word)]
    return f"。是不是要写 {'、'.join(repr(code) for code in same)}？" if same else nearest(word, codes)


def habit(text: str) -> str:
    """The first sign in an expression that the rule language writes otherwise, with the mend; empty where none is."""
    bare = QUOTED.sub("", text)
    if "#" in bare:
        return f"{text!r}：只能写本文件的名称。上级留给下级定的数值（opens）用 fills 填上，算式里写自己填的那个参数"
    if share := PERCENT.search(bare):
        return f"{text!r} 里的 {share[0]} 要写成小数 {share_text(share[1])}"
    found = min((sign for sign in HABITS if sign in bare), key=bare.index, default="")
    return (
        f"{text!r} 里的 {found} 要写成{'' if found.isascii() or HABITS[found].isalpha() else '半角的'} {HABITS[found]}"
        if found
        else ""
    )


def share_text(percent: str) -> str:
    """A percentage as a decimal with at least two places: 30 is 0.30, 12.5 is 0.125."""
    shown = format(Decimal(percent).scaleb(-2), "f")
    whole, _, places = shown.partition(".")
    return f"{whole}.{places.ljust(2, '0')}"


def unread(text: str, problem: Exception) -> str:
    """What the parser could not read, without its own words."""
    said = str(problem)
    reason = next((words for sign, words in PARSER.items() if sign in said), "写法不完整，或多了、少了一个词")
    return f"读不懂 {text!r}：{reason}"


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (0, name)
