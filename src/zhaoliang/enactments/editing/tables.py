"""The tables of a text as grids of cells, inline or in a CSV file beside it, and a version's rows written anew."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from zhaoliang.enactments.editing.figures import literal, plain_decimal, shown_as, tree_of, unit_word
from zhaoliang.enactments.editing.spans import Path, Spans, splice
from zhaoliang.kernel.errors import BadInput
from zhaoliang.policy.facts import FactSchema

Keys = tuple[str, ...]
# What a CSV file beside a text may be called: a plain name, never a way out of its folder.
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,80}\.csv")
# Words that YAML would read as something other than text.
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class TableKey:
    """One key of a table: its name, its Chinese label, and its codes with their words (empty: any text or number)."""

    name: str
    label: str
    codes: Mapping[str, str] = field(default_factory=dict)

    def word(self, code: str) -> str:
        """A code with its word, for people."""
        return self.codes.get(code, code)


@dataclass(frozen=True)
class TableVersion:
    """One version of one table: `cells` by their keys, values as typed (yuan for fen)."""

    table: str
    index: int
    says: str
    unit: str
    since: date | None
    cite: str
    keys: tuple[TableKey, ...]
    cells: dict[Keys, str]
    file: str = ""
    note: str = ""
    verified: bool = True

    @property
    def unit_word(self) -> str:
        return unit_word(self.unit)

    @property
    def column_codes(self) -> list[str]:
        """The codes of the last key, in the order of its list, then as they come; they make the columns of the grid."""
        found = list(dict.fromkeys(keys[-1] for keys in self.cells))
        known = list(self.keys[-1].codes)
        return sorted(found, key=lambda code: (known.index(code) if code in known else len(known), found.index(code)))

    @property
    def rows(self) -> list[Keys]:
        """The keys of the grid's rows: all but the last key."""
        return list(dict.fromkeys(keys[:-1] for keys in self.cells))


def table_versions(content: str, files: Mapping[str, str], facts: FactSchema) -> list[TableVersion]:
    """Every version of every table whose rows can be read. Raises PolicyFileError where the text is no YAML."""
    found: list[TableVersion] = []
    held = tree_of(content).data.get("tables")
    for name, entry in held.items() if isinstance(held, dict) else ():
        keys = _keys(entry, facts)
        for index, version in enumerate(_versions(entry)):
            cells = _cells(version, keys, str(entry.get("unit", "")), files)
            if keys and cells is not None:
                since = version.get("from")
                found.append(
                    TableVersion(
                        str(name),
                        index,
                        str(entry.get("says", name)),
                        str(entry.get("unit", "")),
                        since if isinstance(since, date) else None,
                        str(version.get("cite", "")),
                        keys,
                        cells,
                        str(version.get("file", "")),
                        str(version.get("note", "")),
                        version.get("verified", True) is True,
                    )
                )
    return found


def _versions(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    held = entry.get("versions")
    return [one for one in held if isinstance(one, dict)] if isinstance(held, list) else [entry]


def _keys(entry: Mapping[str, Any], facts: FactSchema) -> tuple[TableKey, ...]:
    made: list[TableKey] = []
    for key in entry.get("keys") or []:
        name, like = (key, key) if isinstance(key, str) else (str(key.get("name")), str(key.get("like")))
        fact = facts.facts.get(like)
        codes = dict(facts.codes.get(fact.type.enum, {})) if fact is not None else {}
        tiers = [] if isinstance(key, str) else key.get("tiers") or []
        codes |= {str(tier): f"{tier} 起" for tier in tiers}
        made.append(TableKey(name, fact.label if fact is not None else name, codes))
    return tuple(made)


def _cells(
    version: Mapping[str, Any], keys: tuple[TableKey, ...], unit: str, files: Mapping[str, str]
) -> dict[Keys, str] | None:
    if "file" in version:
        content = files.get(str(version["file"]))
        return None if content is None else _csv_cells(content, keys, unit)
    cells: dict[Keys, str] = {}
    for path, value in _flat(version.get("rows")):
        shown = shown_as(value, unit)
        if len(path) != len(keys) or shown is None:
            return None
        cells[path] = shown
    return cells


def _flat(rows: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    if isinstance(rows, dict):
        for key, value in rows.items():
            yield from _flat(value, (*path, str(key)))
    else:
        yield path, rows


def _csv_cells(content: str, keys: tuple[TableKey, ...], unit: str) -> dict[Keys, str] | None:
    reader = csv.DictReader(io.StringIO(content))
    names = [key.name for key in keys]
    if reader.fieldnames is None or not {*names, unit} <= set(reader.fieldnames):
        return None
    cells: dict[Keys, str] = {}
    for row in reader:
        value = (row[unit] or "").strip()
        # Amounts in the file are whole fen, the form shows yuan.
        shown = value if not unit.startswith("fen") else _yuan(value)
        cells[tuple((row[name] or "").strip() for name in names)] = shown
    return cells


def _yuan(fen: str) -> str:
    try:
        return plain_decimal(Decimal(fen) / 100)
    except InvalidOperation:
        return fen


def set_cells(
    content: str,
    files: Mapping[str, str],
    version: TableVersion,
    typed: Mapping[Keys, str],
    *,
    new_file: str,
    whole: bool = False,
) -> tuple[str, dict[str, str]]:
    """Text and table files with cells of one version changed (`whole`: with exactly these cells).

    A value is typed as people say it (yuan for fen); an empty one takes the cell out of the table. Rows shared with
    another version are copied first, so that no other version changes; `new_file` is the name such a file gets.
    Raises BadInput with a message at each wrong cell (its keys joined by `/`).
    """
    wanted = {} if whole else dict(version.cells)
    problems: dict[str, str] = {}
    for keys, text in typed.items():
        if not text.strip():
            wanted.pop(keys, None)
            continue
        if keys in version.cells and version.cells[keys] == text.strip():
            wanted[keys] = version.cells[keys]
            continue
        try:
            literal(text, version.unit)
        except BadInput as problem:
            problems["/".join(keys)] = f"{said(version, keys)}：{problem.why or problem.what}"
            continue
        wanted[keys] = text.strip()
    if problems:
        raise BadInput("表格没有保存。", "有的单元格填写不对。", "请按提示改正后再保存。", fields=problems)
    if not wanted:
        raise BadInput("表格没有保存。", "这样表里就没有内容了。", "要取消这张表，请在“全文”里删除它和用它的规则。")
    if wanted == version.cells:
        return content, dict(files)
    if version.file:
        return _set_csv(content, files, version, wanted, new_file)
    return _set_rows(content, version, wanted), dict(files)


def said(version: TableVersion, keys: Keys) -> str:
    """A cell in words: 焊工 · 120 起 · 高级工."""
    return " · ".join(key.word(code) for key, code in zip(version.keys, keys, strict=True))


def _place(content: str, version: TableVersion) -> Path:
    entry = tree_of(content).data["tables"][version.table]
    base: Path = ("tables", version.table)
    return (*base, "versions", version.index) if isinstance(entry.get("versions"), list) else base


def _set_csv(
    content: str, files: Mapping[str, str], version: TableVersion, wanted: Mapping[Keys, str], new_file: str
) -> tuple[str, dict[str, str]]:
    old = list(csv.DictReader(io.StringIO(files[version.file])))
    names = [key.name for key in version.keys]
    head = list(old[0]) if old else [*names, version.unit]
    rest = {tuple(row[name].strip() for name in names): row for row in old}
    target = io.StringIO()
    writer = csv.DictWriter(target, head, lineterminator="\n")
    writer.writeheader()
    for keys, text in wanted.items():
        row = dict(rest.get(keys, dict.fromkeys(head, "")))
        writer.writerow(row | dict(zip(names, keys, strict=True)) | {version.unit: literal(text, version.unit)})
    span = Spans(content).at(*_place(content, version), "file")
    changed = splice(content, [(span, new_file)]) if span is not None else content
    made = {**files, new_file: target.getvalue()}
    still_read = set(_files_read(changed))
    return changed, {name: text for name, text in made.items() if name in still_read}


def _files_read(content: str) -> Iterator[str]:
    held = tree_of(content).data.get("tables")
    for entry in held.values() if isinstance(held, dict) else ():
        yield from (str(version["file"]) for version in _versions(entry) if "file" in version)


def _set_rows(content: str, version: TableVersion, wanted: Mapping[Keys, str]) -> str:
    content = _unshared(content, version)
    spans, place = Spans(content), _place(content, version)
    if set(wanted) == set(version.cells) and list(wanted) == list(version.cells):
        changed = {keys: text for keys, text in wanted.items() if text != version.cells[keys]}
        if all(spans.own(*place, "rows", *keys) for keys in changed):
            pairs = [
                (span, literal(text, version.unit))
                for keys, text in changed.items()
                if (span := spans.at(*place, "rows", *keys)) is not None
            ]
            return splice(content, pairs)
    span = spans.at(*place, "rows")
    return content if span is None else splice(content, [(span, _nested(wanted, version.unit))])


def _unshared(content: str, version: TableVersion) -> str:
    """The text in which rows that other versions share with this one (`*name`) are written out there."""
    spans, entry = Spans(content), tree_of(content).data["tables"][version.table]
    rows = spans.at(*_place(content, version), "rows")
    if rows is None or not rows.anchor:
        return content
    copies = [
        (span, _nested({keys: str(shown_as(value, version.unit)) for keys, value in _flat(one["rows"])}, version.unit))
        for index, one in enumerate(_versions(entry))
        if index != version.index
        and (span := spans.at("tables", version.table, "versions", index, "rows")) is not None
        and span.kind == "alias"
        and span.value == rows.anchor
    ]
    return splice(content, copies)


def _nested(cells: Mapping[Keys, str], unit: str) -> str:
    """Rows as one YAML mapping in braces, keys that could be misread in quotes."""
    if all(not keys for keys in cells):
        return literal(next(iter(cells.values())), unit)
    parts: dict[str, dict[Keys, str]] = {}
    for keys, text in cells.items():
        parts.setdefault(keys[0], {})[keys[1:]] = text
    inner = [f"{key if _PLAIN_KEY.fullmatch(key) else repr(key)}: {_nested(rest, unit)}" for key, rest in parts.items()]
    return f"{{{', '.join(inner)}}}"
