"""The colours: readable in both themes (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "frontend" / "src" / "app.css"

TEXT_ON = [
    *((ink, ground) for ink in ("ink", "grey", "indigo", "red", "green", "amber-ink") for ground in ("paper", "card")),
    ("ink", "grey-soft"),
    ("ink", "indigo-soft"),
    ("ink", "amber-soft"),
    ("ink", "red-soft"),
    ("ink", "green-soft"),
    ("grey", "indigo-soft"),
    ("indigo", "indigo-soft"),
    ("amber-ink", "amber-soft"),
    ("green", "green-soft"),
    ("red", "red-soft"),
    ("side-ink", "side"),
    ("color-primary-content", "indigo-fill"),
    ("color-error-content", "color-error"),
]
EDGES = [("line-strong", "card"), ("line-strong", "paper"), ("indigo", "card"), ("red", "card"), ("green", "card")]


def _themes() -> dict[str, dict[str, str]]:
    blocks = re.findall(r'@plugin "daisyui/theme" \{(.*?)\n\}', CSS.read_text("utf-8"), re.DOTALL)
    themes = {}
    for block in blocks:
        name = re.search(r'name: "(\w+)"', block)
        assert name
        themes[name[1]] = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    return themes


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_can_be_read(theme: str, text: str, ground: str) -> None:
    colours = _themes()[theme]
    assert _contrast(colours[text], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "ground"), EDGES)
def test_controls_and_marks_can_be_told_from_the_ground(theme: str, edge: str, ground: str) -> None:
    colours = _themes()[theme]
    assert _contrast(colours[edge], colours[ground]) >= 3


def test_both_themes_define_the_same_colours() -> None:
    themes = _themes()
    assert set(themes["light"]) == set(themes["dark"])
