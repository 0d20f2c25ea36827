"""Reading the figures of a policy file: parameters, tables, deadlines and open terms."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any

from zhaoliang.policy.errors import ExpressionError
from zhaoliang.policy.files import Source
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.model import Clock, DatedValue, OpenTerm, Parameter, Table, TableKey, TableVersion
from zhaoliang.policy.numbers import figure
from zhaoliang.policy.reading import Reading
from zhaoliang.policy.units import DATE, Type, number

Figure = int | Fraction


def read_parameter(reading: Reading, name: str, entry: dict[str, Any]) -> Parameter:
    """A figure with its dated values, each with its clause; two values may not start on one day."""
    path = ("parameters", name)
    dated = entry.get("values") or [{"value": entry["value"], "cite": entry["cite"]}]
    values = tuple(
        DatedValue(
            one.get("from"),
            _figure(reading, one["value"], entry["unit"], *path),
            reading.cite(one["cite"], *path, "cite"),
        )
        for one in dated
    )
    starts = [value.start for value in values]
    if len(set(starts)) != len(starts):
        reading.fault("有两个数值从同一天起", *path)
    is_date = [isinstance(value.value, date) for value in values]
    if any(is_date) != (entry["unit"] == "date") or any(is_date) != all(is_date):
        reading.fault("单位 date 和日期（如 2026-05-01）要同时写", *path)
    reading.unit(entry["unit"], *path, "unit")
    return Parameter(name, entry["unit"], entry["says"], values)


def read_clock(reading: Reading, name: str, entry: dict[str, Any]) -> Clock:
    """A deadline: whole working days, days, months or years."""
    cite = reading.cite(entry["cite"], "clocks", name, "cite")
    return Clock(name, entry["value"], entry["unit"], entry["says"], cite)


def read_open(reading: Reading, name: str, entry: dict[str, Any]) -> OpenTerm:
    """A figure left to a lower text, with its bounds and who may set it."""
    cite = reading.cite(entry["cite"], "opens", name, "cite")
    reading.unit(entry["unit"], "opens", name, "unit")
    low, high = (
        None if entry.get(bound) is None else _bound(reading, entry[bound], entry["unit"], "opens", name, bound)
        for bound in BOUNDS
    )
    if low is not None and high is not None and low > high:
        reading.fault("下限 at_least 高于上限 at_most", "opens", name)
    return OpenTerm(name, entry["unit"], entry["says"], cite, low, high, entry.get("set_by", ""))


BOUNDS = ("at_least", "at_most")


def _bound(reading: Reading, value: object, unit: str, *path: str | int) -> Figure:
    try:
        return figure(value, unit, accepted=reading.tree.accepted)
    except ExpressionError as problem:
        raise reading.tree.error(str(problem), *path) from problem


def _figure(reading: Reading, value: object, unit: str, *path: str | int) -> Figure | date:
    return value if isinstance(value, date) else _bound(reading, value, unit, *path)


class TableReader:
    """Reads tables from rows written in the file or in a CSV file beside it; what is read counts into `hash`."""

    def __init__(self, reading: Reading, source: Source) -> None:
        self.reading, self.source = reading, source
        self.hash = hashlib.sha256(source.content)

    def table(self, name: str, entry: dict[str, Any]) -> Table:
        """A table with its keys and versions."""
        path, reading = ("tables", name), self.reading
        keys = tuple(self._key(key, *path, "keys", place) for place, key in enumerate(entry["keys"]))
        by = entry.get("version_by")
        if by is not None and reading.facts.types.get(by) != DATE:
            dates = [name for name, type_ in reading.facts.types.items() if type_ == DATE]
            reading.fault(f"version_by 要写一个日期事实，{by!r} 不是{nearest(by, dates)}", *path, "version_by")
        reading.unit(entry["unit"], *path, "unit")
        versions: list[TableVersion] = []
        for place, one in enumerate(entry.get("versions") or [entry]):
            where = (*path, "versions", place) if "versions" in entry else path
            rows: dict[tuple[str | int, ...], Figure] = {}
            for cell, value in self._rows(one, keys, entry["unit"], *where):
                if cell in rows:
                    reading.fault(f"{_shown(cell)} 写了两次", *where)
                rows[cell] = value
            cite = reading.cite(one["cite"], *where, "cite")
            versions.append(TableVersion(one.get("from"), cite, rows, one.get("verified", True), one.get("note", "")))
        starts = [version.start for version in versions]
        if len(set(starts)) != len(starts):
            reading.fault("有两个版本从同一天起", *path, "versions")
        return Table(name, entry["unit"], entry["says"], keys, tuple(versions), by)

    def _key(self, key: str | dict[str, Any], *path: str | int) -> TableKey:
        facts = self.reading.facts
        if isinstance(key, dict) and "unit" in key:
            return TableKey(key["name"], "", number(self._plain_unit(key["unit"], *path)), tuple(key.get("tiers", ())))
        if isinstance(key, dict) and "enum" in key:
            if key["enum"] not in facts.codes:
                raise self.reading.tree.error(
                    f"没有 {key['enum']!r} 这个代码表{nearest(key['enum'], facts.codes)}", *path
                )
            return TableKey(key["name"], "", Type("enum", enum=key["enum"]))
        name, like, tiers = (key, key, ()) if isinstance(key, str) else (key["name"], key["like"], key.get("tiers", ()))
        if like not in facts.facts:
            hint = nearest(like, facts.facts)
            other = f"不是事实的，数写 {{name: {name}, unit: years}}，代码写 {{name: {name}, enum: 代码表}}"
            raise self.reading.tree.error(f"没有叫 {like!r} 的事实{hint}。键的类型取自一个事实；{other}", *path)
        type_ = facts.types[like]
        if tiers and type_.kind != "number":
            raise self.reading.tree.error(f"tiers（分档）只用于数值，{like} 是{type_}", *path)
        if type_.kind in ("date", "bool"):
            raise self.reading.tree.error(
                f"{like} 是{type_}，不能作键；按日期换表用 versions 和 version_by，按年写 {{name: year, unit: years}}",
                *path,
            )
        return TableKey(name, like, type_, tuple(sorted(tiers)))

    def _plain_unit(self, unit: str, *path: str | int) -> str:
        try:
            number(unit)
        except ExpressionError as problem:
            raise self.reading.tree.error(str(problem), *path) from problem
        return unit

    def _rows(
        self, version: dict[str, Any], keys: tuple[TableKey, ...], unit: str, *path: str | int
    ) -> Iterator[tuple[tuple[str | int, ...], Figure]]:
        if "file" in version:
            flat = self._csv(version["file"], keys, unit, *path, "file")
        else:
            flat = ((row, value, [*path, "rows", *row]) for row, value in _flatten(version.get("rows", {})))
        for raw, value, where in flat:
            if len(raw) != len(keys):
                names = "、".join(key.name for key in keys)
                self.reading.fault(
                    f"{_shown(raw)} 有 {len(raw)} 个键，表的键是 {len(keys)} 个：{names}。一格写成 {_pattern(keys)}",
                    *where,
                )
                continue
            try:
                found = figure(value, unit, text="file" in version, accepted=self.reading.tree.accepted)
            except ExpressionError as problem:
                self.reading.fault(f"{_shown(raw)}：{problem}", *where)
                continue
            yield tuple(self._cell(key, cell, *where) for key, cell in zip(keys, raw, strict=True)), found

    def _cell(self, key: TableKey, cell: str, *path: str | int) -> str | int:
        if key.type.kind == "enum":
            return self.reading.code(key.type.enum, cell, *path)
        if key.type.kind != "number":
            return cell
        if not cell.lstrip("-").isdigit():
            self.reading.fault(f"键 {key.name} 是{key.type}，格子要写整数，写的是 {cell!r}", *path)
            return 0
        if key.tiers and int(cell) not in key.tiers:
            steps = "、".join(str(tier) for tier in key.tiers)
            self.reading.fault(f"{cell} 不是 {key.name} 的一档；tiers 里有 {steps}（写每档的下限）", *path)
        return int(cell)

    def _csv(
        self, file: str, keys: tuple[TableKey, ...], unit: str, *path: str | int
    ) -> Iterator[tuple[tuple[str, ...], str, list[str | int]]]:
        content = self.source.read_beside(file)
        if content is None:
            raise self.reading.tree.error(f"旁边没有文件 {file}；表格文件和政策文件放在同一个文件夹", *path)
        self.hash.update(content)
        try:
            reader = csv.DictReader(io.StringIO(content.decode("utf-8-sig")))
        except UnicodeDecodeError as problem:
            raise self.reading.tree.error(f"{file} 不是 UTF-8 编码，请另存为 CSV UTF-8", *path) from problem
        wanted = [*(key.name for key in keys), unit]
        if reader.fieldnames is None or not set(wanted) <= set(reader.fieldnames):
            lack = [name for name in wanted if name not in (reader.fieldnames or ())]
            raise self.reading.tree.error(f"{file} 缺少列 {'、'.join(lack)}；第一行写列名 {','.join(wanted)}", *path)
        for row in reader:
            yield tuple(row[key.name] for key in keys), row[unit], list(path)


def _flatten(rows: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not isinstance(rows, dict):
        yield above, rows
        return
    for key, below in rows.items():
        yield from _flatten(below, (*above, str(key)))


def _shown(cell: tuple[object, ...]) -> str:
    return f"[{', '.join(str(key) for key in cell)}]"


def _pattern(keys: tuple[TableKey, ...]) -> str:
    opening = "".join(f"{key.name}: {{" for key in keys[:-1])
    return f"{opening}{keys[-1].name}: 数值{'}' * (len(keys) - 1)}"


def key_types(table: Table) -> tuple[Type, ...]:
    """The types of a table's keys, in order."""
    return tuple(key.type for key in table.keys)
