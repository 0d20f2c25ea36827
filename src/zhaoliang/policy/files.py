"""Reading YAML strictly: no floats (decimals stay exact), no duplicate keys, and a line number for every path."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from zhaoliang.policy.errors import PolicyFileError


class _ExactLoader(yaml.SafeLoader):
    """SafeLoader that keeps decimals exact and refuses a key given twice."""


def _decimal(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Decimal:
    return Decimal(loader.construct_scalar(node).replace("_", ""))


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} is given twice", key.start_mark)
        seen.add(key.value)
    return loader.construct_mapping(node, deep=True)


# YAML 1.1 reads the plain words on/off/yes/no as booleans; here they are words (`on:` is a key of every scenario).
_BOOL = "tag:yaml.org,2002:bool"
_ExactLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != _BOOL]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_ExactLoader.add_implicit_resolver(_BOOL, re.compile(r"^(?:true|false)$"), list("tf"))
_ExactLoader.add_constructor("tag:yaml.org,2002:float", _decimal)
_ExactLoader.add_constructor("tag:yaml.org,2002:map", _mapping)


@dataclass(frozen=True, slots=True)
class Tree:
    """A YAML file's data with the way back to its lines."""

    file: str
    data: dict[str, Any]
    root: yaml.nodes.Node

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

    def error(self, problem: str, *path: str | int) -> PolicyFileError:
        """An error that points at the path's line."""
        return PolicyFileError(self.file, ".".join(str(part) for part in path), problem, self.line(*path))


def _line(node: yaml.nodes.Node | None, fallback: int) -> int:
    return node.start_mark.line if node is not None and node.start_mark else fallback


def read_yaml(path: Path, shown: str | None = None) -> Tree:
    """The file's tree; raises PolicyFileError with the line for anything that is not a plain mapping."""
    shown = shown or str(path)
    text = path.read_text(encoding="utf-8")
    try:
        root = yaml.compose(text, Loader=_ExactLoader)
        data = yaml.load(text, Loader=_ExactLoader)
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        reason = getattr(problem, "problem", None) or str(problem)
        raise PolicyFileError(shown, "", reason, mark.line + 1 if mark else None) from problem
    if root is None or not isinstance(data, dict):
        raise PolicyFileError(shown, "", "a policy file is a mapping with a 'document' part")
    return Tree(shown, data, root)
