"""The figures of a text as a form shows them: parameters, open-term fills, deadlines and dates, each by its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from zhaoliang.enactments.editing.spans import Path, Span, Spans, splice
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.money import parse_yuan
from zhaoliang.policy.files import Tree, read_yaml

# Units as people say them. An amount is typed in yuan and kept in fen.
UNIT_WORDS = {
    "fen": "元",
    "hours": "课时",
    "minutes": "分钟",
    "days": "天",
    "working_days": "个工作日",
    "months": "个月",
    "years": "年（周岁）",
    "ratio": "比例（0.9 即 90%）",
    "count": "次（个）",
    "date": "日期",
}
WHOLE = frozenset({"working_days", "months", "count"})


@dataclass(frozen=True)
class Figure:
    """One value that a form can change: `path` finds it, `shown` is what the input holds, `since` its first day."""

    path: Path
    name: str
    says: str
    unit: str
    shown: str
    cite: str
    part: str
    since: date | None = None

    @property
    def key(self) -> str:
        """The name of its input."""
        return "/".join(str(part) for part in self.path)

    @property
    def unit_word(self) -> str:
        return unit_word(self.unit)

    @property
    def is_date(self) -> bool:
        return self.unit == "date"


def unit_word(unit: str) -> str:
    """A unit as people say it: 元, 元/课时, 个工作日."""
    above, slash, below = unit.partition("/")
    word = UNIT_WORDS.get(above, above)
    return f"{word}/{UNIT_WORDS.get(below, below)}" if slash else word


def tree_of(content: str) -> Tree:
    """The text read. Raises PolicyFileError naming the line."""
    return read_yaml(content.encode(), "政策文本")


def figures(tree: Tree) -> list[Figure]:
    """Every parameter and deadline, in the order of the text."""
    return [*_parameters(tree.data), *_clocks(tree.data)]


def _parameters(data: Mapping[str, Any]) -> Iterator[Figure]:
    for name, entry in _entries(data, "parameters"):
        unit, says = str(entry.get("unit", "")), str(entry.get("says", name))
        for index, dated in enumerate(_dated(entry)):
            path: Path = ("parameters", name, "value")
            if "values" in entry:
                path = ("parameters", name, "values", index, "value")
            shown = shown_as(dated.get("value"), unit)
            if shown is not None:
                since = dated.get("from")
                yield Figure(
                    path,
                    name,
                    says,
                    unit,
                    shown,
                    str(dated.get("cite", "")),
                    "parameter",
                    since if isinstance(since, date) else None,
                )


def _dated(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    held = entry.get("values")
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else [entry]


def _clocks(data: Mapping[str, Any]) -> Iterator[Figure]:
    for name, entry in _entries(data, "clocks"):
        shown = shown_as(entry.get("value"), str(entry.get("unit", "")))
        if shown is not None:
            yield Figure(
                ("clocks", name, "value"),
                name,
                str(entry.get("says", name)),
                str(entry.get("unit", "")),
                shown,
                str(entry.get("cite", "")),
                "clock",
            )


def _entries(data: Mapping[str, Any], part: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    held = data.get(part)
    for name, entry in held.items() if isinstance(held, dict) else ():
        if isinstance(entry, dict):
            yield str(name), entry


def shown_as(value: object, unit: str) -> str | None:
    """A value as the input shows it (fen as yuan); None for what is no plain value."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    if unit.startswith("fen"):
        return plain_decimal(Decimal(value) / 100)
    return plain_decimal(Decimal(value))


def plain_decimal(value: Decimal) -> str:
    """Without exponent and without zeros at the end; whole numbers without a point."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def literal(text: str, unit: str) -> str:
    """The typed value as it is written in the text. Raises BadInput saying how to write it."""
    said = text.strip()
    if not said:
        raise BadInput("没有保存。", "这一格是空的。", "请填写数值；要去掉这一项，请在“全文”里删除。")
    if unit == "date":
        try:
            return date.fromisoformat(said).isoformat()
        except ValueError as problem:
            raise BadInput("没有保存。", f"“{said}”不是日期。", "请写成 2027-01-01 这样。") from problem
    if unit == "fen":
        return str(parse_yuan(said))
    try:
        number = Decimal(said.replace(",", "").replace("，", ""))
    except InvalidOperation as problem:
        raise BadInput("没有保存。", f"“{said}”不是数字。", f"请填数字，单位是{unit_word(unit)}。") from problem
    if not number.is_finite() or abs(number) >= Decimal(10) ** 12:
        raise BadInput("没有保存。", f"“{said}”超出了范围。", f"请填数字，单位是{unit_word(unit)}。")
    if unit in WHOLE and number != number.to_integral_value():
        raise BadInput("没有保存。", f"{unit_word(unit)}要填整数，不能是“{said}”。", "请改成整数。")
    if unit.startswith("fen/"):
        number *= 100
    return plain_decimal(number)


def set_figures(content: str, typed: Mapping[str, str]) -> str:
    """The text with the typed values (by `Figure.key`) put in; what did not change stays as it was written.

    Raises BadInput with a message at each wrong value, and for a value that the text does not have.
    """
    tree, spans = tree_of(content), Spans(content)
    known = {figure.key: figure for figure in figures(tree)}
    changes: list[tuple[Span, str]] = []
    problems: dict[str, str] = {}
    for key, text in typed.items():
        figure = known.get(key)
        if figure is None:
            problems[key] = "文本里已经没有这一项，请刷新页面。"
            continue
        if text.strip() == figure.shown:
            continue
        span = spans.at(*figure.path)
        try:
            new = literal(text, figure.unit)
        except BadInput as problem:
            problems[key] = f"{figure.says}：{problem.why or problem.what}{problem.next_step}"
            continue
        if span is not None:
            changes.append((span, new))
    if problems:
        raise BadInput("没有保存。", "有的数值填写不对。", "请按提示改正后再保存。", fields=problems)
    return splice(content, changes)
