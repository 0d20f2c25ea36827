"""The shape of a policy file (`schema.json`), checked so that an officer can mend it: every fault, in Chinese."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from zhaoliang.policy.errors import PolicyFileError
from zhaoliang.policy.files import Tree
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import PHASES

KINDS = {
    "object": "键值对",
    "array": "列表（方括号，或每项一行 - ）",
    "string": "文字",
    "integer": "整数",
    "number": "数",
    "boolean": "true 或 false",
    "null": "null",
}
# What to write where a key is missing.
HOW = {
    "cite": '写依据的条款编号，如 cite: "8"；没有依据的数值和规则不能入库',
    "says": "写一句中文，办事的人会读到",
    "asks": "用几个字写这条规则看什么，如 asks: 出勤率不低于80%",
    "unit": "写单位，如 unit: fen",
    "unknown": "写清没有这个事实时意味着什么，如 unknown: 未比对参保",
    "order": "按先后写补贴种类，如 order: [training, living]",
    "phase": "写何时核对：filing、preflight、advance、claim 或 both",
    "schemes": "写用于哪些补贴，如 schemes: [training]",
    "at_most": "写最多几次，如 at_most: 3",
    "period": "写 lifetime、calendar_year 或 window；或把 count 写成 {of, within} 的形式",
    "verified": "原文看过写 true，没看过写 false（不确认的不能拒绝人）",
    "text": "写条款原文",
    "ref": "写条款的叫法，如 ref: 第八条",
    "expect": "写期望的结果，如 expect: {outcome: pass, fen: 60000}",
    "on": "写判断所依据的日期，如 on: 2026-05-01",
    "to": "写给谁：\"'person'\"、\"'provider'\" 或 \"'enterprise'\"",
}

DAYS = ("from", "to", "on")
# In a flow mapping an unquoted comma ends the value: `{must: lookup(table, level) > 1}` has the key `level) > 1`.
QUOTE = '。写在花括号 {…} 里的表达式如有逗号，要整个加引号，如 must: "lookup(表名, 键) > 1"'


def faults(tree: Tree, schema: bytes) -> Iterator[PolicyFileError]:
    """Every place where the file has not the shape of a policy (the JSON Schema), each once."""
    for day, path in _no_such_days(tree.data):
        yield tree.error(f"没有 {day} 这一天", *path)
    seen: set[tuple[str, str]] = set()
    found = [one for error in _validator(schema).iter_errors(_json_form(tree.data)) for one in _leaves(error)]
    for error in sorted(found, key=lambda error: tree.line(*error.absolute_path)):
        # A name that does not hold is told at its own line, not at that of the part it is in.
        named = [str(error.instance)] if "propertyNames" in error.absolute_schema_path else []
        for problem, path in _words(error, [*error.absolute_path, *named]):
            told = problem + _ref_hint(error.instance, path, tree.data)
            if (told, str(path)) not in seen:
                seen.add((told, str(path)))
                yield tree.error(told, *path)


@lru_cache(maxsize=8)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schema))


def _leaves(error: ValidationError) -> Iterator[ValidationError]:
    """The faults that matter: of alternatives, those of the one whose kind of value was written."""
    if error.validator not in ("oneOf", "anyOf") or not error.context or "errorMessage" in _schema_of(error):
        yield error
        return
    branches: dict[object, list[ValidationError]] = {}
    for inner in error.context:
        branches.setdefault(inner.schema_path[0], []).append(inner)
    fitting = [
        branch for branch in branches.values() if not any(one.validator == "type" and not one.path for one in branch)
    ]
    if not fitting:
        yield error
        return
    for one in min(fitting, key=len):
        yield from _leaves(one)


def _words(error: ValidationError, path: list[str | int]) -> Iterator[tuple[str, list[str | int]]]:
    """The fault in words and the path it is at: an unknown key is at the key, a missing one at its place."""
    schema, value, wanted = _schema_of(error), error.instance, error.validator_value
    if "errorMessage" in schema and error.validator not in ("required", "additionalProperties", "type"):
        yield f"{schema['errorMessage']}", path
        return
    match error.validator:
        case "required":
            missing = [key for key in _texts(wanted) if not isinstance(value, Mapping) or key not in value]
            for key in missing:
                yield f"缺少 {key!r}。{HOW.get(key, '请补上')}", path
        case "additionalProperties":
            known = list(schema.get("properties", {}))
            for key in [key for key in _texts(value) if key not in known]:
                yield f"没有 {key!r} 这个键{_key_hint(key, known)}", [*path, key]
        case "propertyNames" | "pattern":
            yield f"{error.instance!r} 写法不对。{_pattern_hint(path)}", path
        case "type" if path[-1:] and path[-1] in DAYS:
            yield f"{_shown(value)} 写法不对。{_pattern_hint(path)}", path
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else _texts(wanted)
            yield f"要写{'或'.join(KINDS[kind] for kind in kinds)}，写的是 {_shown(value)}{_kind_hint(path)}", path
        case "enum" if isinstance(value, list):
            wrong = [one for one in value if one not in wanted or one == "both"]
            yield f"列表里不能写 {'、'.join(map(str, wrong))}；可用：{'、'.join(PHASES)}", path
        case "enum":
            yield f"{value!r} 不能写在这里；可用：{'、'.join(_texts(wanted))}", path
        case "minItems" if value:
            yield f"至少写 {wanted} 项", path
        case "minLength" | "minItems" | "minProperties":
            yield "不能为空", path
        case "minimum":
            yield f"不能小于 {wanted}", path
        case _:
            yield f"写法不合要求：{_shown(value)}", path


def _ref_hint(value: object, path: list[str | int], data: Mapping[str, Any]) -> str:
    """The number of the clause that was cited by what people call it: 第八条 for "8"."""
    clauses = data.get("clauses")
    if path[-1:] != ["cite"] or not isinstance(clauses, Mapping):
        return ""
    named = [name for name, held in clauses.items() if isinstance(held, Mapping) and held.get("ref") == value]
    return f"。是不是要写 cite: {json.dumps(str(named[0]), ensure_ascii=False)}？" if named else ""


def _kind_hint(path: list[str | int]) -> str:
    return "。写本文件里填它的那个参数的名称" if path[:1] == ["fills"] else ""


def _key_hint(key: str, known: list[str]) -> str:
    if key.isdecimal():
        return "。数字里不要写逗号：400,000 写 400000"
    if "：" in key:
        name, _, rest = key.partition("：")
        return f"。冒号要用半角，后面空一格：{name.strip()}: {rest.strip()}"
    return nearest(key, known) if key.isidentifier() else QUOTE


DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _no_such_days(data: Any, *path: str | int) -> Iterator[tuple[str, tuple[str | int, ...]]]:
    """The days of the calendar's form that it has not, where a policy has dates."""
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        if isinstance(value, str) and key in DATES and DAY.fullmatch(value):
            yield value, (*path, key)
        elif key != "given":
            yield from _no_such_days(value, *path, key)


def _schema_of(error: ValidationError) -> dict[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _texts(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, Iterable) else []


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:60]}…"


def _pattern_hint(path: list[str | int]) -> str:
    last = str(path[-1]) if path else ""
    if last in DAYS:
        return "日期写成 2026-05-01"
    if last in ("cite", "also") or (len(path) > 1 and path[-2] == "also"):
        return "引用写本文件的条款编号，或 文件号#条款编号，如 cn/caishe-2023-181#5"
    if last == "id":
        return "文件号写成 cn-12/jinrenshe-2022-20：行政区划、斜杠、小写字母数字和连字符"
    if path[:1] == ["clauses"]:
        return '条款编号用小写字母、数字、点和连字符，如 "8"、"9.2"'
    return "名称用小写字母、数字和下划线，以字母开头"


DATES = ("from", "to", "on", "value")


def tidy(data: Any, key: str = "", *, facts: bool = False) -> Any:
    """The data with every key as text, a date only where a policy has dates, and a clause's number (`cite: 8`) as text.

    `facts`: inside a scenario's `given`, where any value may be a date.
    """
    if isinstance(data, dict):
        return {str(name): tidy(value, str(name), facts=facts or name == "given") for name, value in data.items()}
    if isinstance(data, list):
        return [tidy(value, key, facts=facts) for value in data]
    if isinstance(data, int | Decimal) and not isinstance(data, bool) and key in ("cite", "also"):
        return str(data)
    if isinstance(data, str) and key in DATES and not facts:
        return _day(data)
    return data.isoformat() if isinstance(data, date) and not facts and key not in DATES else data


def _day(text: str) -> date | str:
    """A date written in quotes; the text itself where it is none."""
    try:
        return date.fromisoformat(text) if DAY.fullmatch(text) else text
    except ValueError:
        return text


def _json_form(data: Any) -> Any:
    """The data as JSON Schema sees it: dates as ISO text, keys as text, exact decimals as numbers."""
    if isinstance(data, dict):
        return {str(key): _json_form(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_json_form(value) for value in data]
    if isinstance(data, Decimal):
        return int(data) if data == data.to_integral_value() else float(data)
    return data.isoformat() if isinstance(data, date) else data
