"""Where policy texts come from, and reading YAML strictly: exact decimals, no key twice, a line for every path."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from zhaoliang.policy.errors import PolicyFileError

# The parser in C reads the library in a tenth of the time; where PyYAML was built without it, the other gives the same.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _ExactLoader(_Safe):
    """SafeLoader that keeps decimals exact and refuses a key given twice."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node).replace("_", ""))


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.constructor.ConstructorError(None, None, "键要写成文字", key.start_mark)
        if key.value in seen:
            twice = f"键 {key.value!r} 写了两次，第一次在第 {seen[key.value]} 行"
            raise yaml.constructor.ConstructorError(None, None, twice, key.start_mark)
        seen[key.value] = key.start_mark.line + 1
    return loader.construct_mapping(node, deep=True)


def _date(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> date | str:
    try:
        made = loader.construct_yaml_timestamp(node)
    except ValueError:
        # 2027-02-29 stays a text, so that the fault is told with its part and clause.
        return str(node.value)
    if isinstance(made, datetime):
        raise yaml.constructor.ConstructorError(None, None, "写日期，不写时刻", node.start_mark)
    return made


# YAML 1.1 reads the plain words on/off/yes/no as booleans; here they are words (`on:` is a key of every scenario).
_BOOL = "tag:yaml.org,2002:bool"
_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_ExactLoader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)
_ExactLoader.add_constructor("tag:yaml.org,2002:map", _mapping)
_ExactLoader.add_constructor("tag:yaml.org,2002:timestamp", _date)

# The largest text of the library has a thirteenth of this. A few lines of references within references make billions.
MOST_NODES = 200_000
# What usually stands behind the parser's words.
YAML_HINTS = {
    "mapping values are not allowed": "文字里有冒号加空格时，整句要加引号；或缩进没有对齐",
    "did not find expected ',' or": "花括号、方括号里的值有逗号或冒号时要加引号，各项之间用半角逗号；或括号没有配对",
    "did not find expected key": "缩进没有对齐，或引号没有配对",
    "did not find expected '-' indicator": "列表的各项要对齐",
    "could not find expected ':'": "键后面要写冒号和空格",
    "found a tab character": "缩进不能用 Tab，请换成空格",
    "found character": "缩进用空格，不用 Tab；以 %、@、` 开头的文字要加引号",
    "found undefined alias": "引用（*名称）之前要有定义（&名称）",
    "found unexpected end of stream": "引号或括号没有配对",
    "found another document": "一个文件里只写一份政策，不写第二个 ---",
    "control characters": "文件里有看不见的控制字符，请删去，或另存为 UTF-8 文本",
}


@dataclass(frozen=True, slots=True)
class Tree:
    """A YAML file's data with the way back to its lines. `accepted`: see `Source`."""

    file: str
    data: dict[str, Any]
    root: yaml.nodes.Node
    accepted: bool = False

    def line(self, *path: str | int) -> int:
        """The line (from 1) of the deepest node that exists on the path."""
        node, line = self.root, 0
        for part in path:
            step: yaml.nodes.Node | None = None
            if isinstance(node, yaml.MappingNode):
                for key, value in node.value:
                    if key.value == str(part):
                        step, line = value, _line(key, line)
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                step = node.value[part]
                line = _line(step, line)
            if step is None:
                break
            node = step
        return line + 1

    def lines(self) -> dict[str, int]:
        """The line of every part and of every named entry in it: `rules` and `rules.min_age`."""
        found: dict[str, int] = {}
        for key, value in _pairs(self.root):
            found[key.value] = _line(key, 0) + 1
            found |= {f"{key.value}.{inner.value}": _line(inner, 0) + 1 for inner, _ in _pairs(value)}
            if isinstance(value, yaml.SequenceNode):
                found |= {f"{key.value}.{place}": _line(one, 0) + 1 for place, one in enumerate(value.value)}
        return found

    def error(self, problem: str, *path: str | int) -> PolicyFileError:
        """An error that points at the path's line and names the clause that part rests on."""
        shown = ".".join(str(part) for part in path)
        return PolicyFileError(self.file, shown, problem, self.line(*path), self._clause(path))

    def _clause(self, path: tuple[str | int, ...]) -> str:
        """The clause cited nearest above the path, as people call it; a clause's own name; empty where none is."""
        clauses: Any = self.data.get("clauses")
        node: Any = self.data
        found = ""
        for part in path:
            node = node.get(part) if isinstance(node, dict) else _item(node, part)
            cite = node.get("cite") if isinstance(node, dict) else None
            found = str(cite) if isinstance(cite, str) else found
        if path[:1] == ("clauses",) and len(path) > 1:
            found = str(path[1])
        held = clauses.get(found) if isinstance(clauses, dict) else None
        return str(held.get("ref", "")) if isinstance(held, dict) else found


def _item(node: Any, part: str | int) -> Any:
    return node[part] if isinstance(node, list) and isinstance(part, int) and part < len(node) else None


def _pairs(node: yaml.nodes.Node) -> list[tuple[yaml.nodes.Node, yaml.nodes.Node]]:
    return node.value if isinstance(node, yaml.MappingNode) else []


def _line(node: yaml.nodes.Node | None, fallback: int) -> int:
    return node.start_mark.line if node is not None and node.start_mark else fallback


# What stands in a library beside its texts: the facts, and the cases that scenarios show.
ENDINGS = ("*.yaml", "*.yml")
BESIDE = ("facts.yaml", "cases.yaml")
# <jurisdiction>/<document>/<valid-from>.yaml: where a text of the library stands.
IN_LIBRARY = re.compile(r"(cn(?:-[0-9]{2}){0,3})/([a-z0-9-]+)/([0-9]{4}-[0-9]{2}-[0-9]{2})\.yaml$")


NATION = 100000


def region_of(jurisdiction: str) -> int:
    """The six-digit region of a folder name: cn → 100000, cn-12 → 120000, cn-37-09 → 370900."""
    digits = "".join(jurisdiction.split("-")[1:])
    return int(digits.ljust(6, "0")) if digits else NATION


@dataclass(frozen=True, slots=True)
class Source:
    """One policy file: its bytes, how messages name it, and the files beside it.

    `key` is its path below the library's root, empty for a file that stands elsewhere. `accepted`: it was read by an earlier
    release and bound people since; what the reader has learnt to refuse meanwhile is not asked of it (docs/decisions/0006).
    """

    shown: str
    key: str
    content: bytes
    folder: Path | None
    beside: Mapping[str, bytes] = field(default_factory=dict)
    accepted: bool = False

    def read_beside(self, name: str) -> bytes | None:
        """The bytes of a table file beside this one, None where there is none."""
        if name in self.beside:
            return self.beside[name]
        path = self.folder / name if self.folder is not None else None
        return path.read_bytes() if path is not None and path.is_file() else None


def library_sources(
    root: Path, overlay: Mapping[str, bytes] | None = None, accepted: Collection[str] | None = ()
) -> Iterator[Source]:
    """The policy files below `root`, by name; an overlay file stands for the one on disk, or adds to it.

    `accepted` are the paths of texts that already bind; None means all.
    """
    laid = dict(overlay or {})
    on_disk = {path.relative_to(root).as_posix(): path for path in root.glob("cn*/*/*.yaml")}
    for key in sorted({*on_disk, *(key for key in laid if IN_LIBRARY.fullmatch(key))}, key=PurePosixPath):
        content = laid[key] if key in laid else on_disk[key].read_bytes()
        folder = PurePosixPath(key).parent
        beside = {table.name: table.read_bytes() for table in (root / folder).glob("*.csv")}
        beside |= {
            PurePosixPath(other).name: held for other, held in laid.items() if PurePosixPath(other).parent == folder
        }
        binds = accepted is None or key in accepted
        yield Source(f"{root.name}/{key}", key, content, root / folder, beside, binds)


def path_sources(paths: Sequence[Path]) -> Iterator[Source]:
    """The policy files named, or below the folders named; raises PolicyFileError for a path that is not there."""
    seen: set[Path] = set()
    for path in paths:
        if not path.exists():
            raise PolicyFileError(str(path), "", "没有这个文件或文件夹")
        inside = (one for ending in ENDINGS for one in path.rglob(ending)) if path.is_dir() else [path]
        for file in sorted(one for one in inside if path.is_file() or one.name not in BESIDE):
            if file.resolve() in seen:
                continue
            seen.add(file.resolve())
            found = IN_LIBRARY.search(file.resolve().as_posix())
            yield Source(file.as_posix(), found.group(0) if found else "", file.read_bytes(), file.parent)


def _unfolded(root: yaml.nodes.Node) -> float:
    """How many parts the file has when each reference is written out; endless where one is within itself."""
    sizes: dict[int, float] = {}

    def size(node: yaml.nodes.Node) -> float:
        if isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = float("inf")
            parts = [one for pair in node.value for one in pair] if isinstance(node, yaml.MappingNode) else node.value
            sizes[id(node)] = 1 + sum(map(size, parts))
        return sizes[id(node)]

    return size(root)


def read_yaml(content: bytes, shown: str, *, accepted: bool = False) -> Tree:
    """The file's tree; raises PolicyFileError with the line for anything that is not a plain mapping."""
    text = ""
    try:
        text = content.decode("utf-8-sig")
        loader = _ExactLoader(text)
        root = loader.get_single_node()
        if root is not None and not accepted and _unfolded(root) > MOST_NODES:
            raise PolicyFileError(shown, "", f"引用（*名称）展开以后超过 {MOST_NODES} 项；请直接写出来")
        data = loader.construct_document(root) if root is not None else None
    except UnicodeDecodeError as problem:
        raise PolicyFileError(shown, "", "文件不是 UTF-8 编码，请另存为 UTF-8") from problem
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        reason = getattr(problem, "problem", None) or str(problem)
        line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
        reason = "found a tab character" if "\t" in line[: len(line) - len(line.lstrip())] else reason
        told = f"YAML 写法有误：{next((mend for words, mend in YAML_HINTS.items() if words in reason), reason)}"
        raise PolicyFileError(shown, "", told, mark.line + 1 if mark else None) from problem
    except RecursionError as problem:
        raise PolicyFileError(shown, "", "括号或缩进套得太深") from problem
    if root is None or not isinstance(data, dict):
        raise PolicyFileError(shown, "", "政策文件最外层是键值对，至少有 document 和 clauses 两部分")
    return Tree(shown, data, root, accepted)
