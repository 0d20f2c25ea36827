"""Where each value of a YAML text stands, so that one value can be replaced and everything around it kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

Path = tuple[str | int, ...]
# The parser in C takes a hundredth of the time; where PyYAML was built without it, the other gives the same.
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
BYTE_ORDER_MARK = "\ufeff"


@dataclass
class Span:
    """One node of the text: characters `start` to `end`. An alias (`*name`) has no children; look at its target."""

    kind: Literal["scalar", "mapping", "sequence", "alias"]
    start: int
    end: int
    value: str = ""
    anchor: str = ""
    keys: list[str] = field(default_factory=list)
    children: list[Span] = field(default_factory=list)
    flow: bool = False

    def child(self, part: str | int) -> Span | None:
        """The value under a key or at an index; the last one where a key is merged in and given too."""
        if self.kind == "mapping":
            found = [one for key, one in zip(self.keys, self.children, strict=True) if key == str(part)]
            return found[-1] if found else None
        if self.kind == "sequence" and isinstance(part, int) and 0 <= part < len(self.children):
            return self.children[part]
        return None


class Spans:
    """The spans of a text. Raises yaml.YAMLError where it is no YAML."""

    def __init__(self, text: str) -> None:
        self.text = text
        # The two parsers differ in whether they count it.
        self._skipped = len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0
        self.anchors: dict[str, Span] = {}
        self.root = self._read()

    def at(self, *path: str | int) -> Span | None:
        """The node on the path as it is written there: an alias is returned, not followed, at its end."""
        node: Span | None = self.root
        for part in path:
            node = self.followed(node).child(part) if node is not None else None
        return node

    def own(self, *path: str | int) -> bool:
        """Whether the node is written in this very place, and not shared through an alias or a merged mapping."""
        node = self.root
        for part in path:
            step = node.child(part)
            if step is None or step.kind == "alias":
                return False
            node = step
        return True

    def followed(self, node: Span) -> Span:
        """What an alias stands for; any other node itself."""
        return self.anchors[node.value] if node.kind == "alias" else node

    def _read(self) -> Span:
        root: Span | None = None
        open_nodes: list[Span] = []
        waiting_keys: list[str | None] = []
        for event in yaml.parse(self.text[self._skipped :], Loader=_Loader):
            node = self._node(event)
            if node is not None:
                if open_nodes and open_nodes[-1].kind == "mapping" and waiting_keys[-1] is None:
                    if node.kind != "scalar":
                        raise yaml.YAMLError(f"line {_line(event.start_mark)}: a key must be a plain word")
                    waiting_keys[-1] = node.value
                    continue
                if open_nodes:
                    if open_nodes[-1].kind == "mapping":
                        open_nodes[-1].keys.append(waiting_keys[-1] or "")
                        waiting_keys[-1] = None
                    open_nodes[-1].children.append(node)
                else:
                    root = node
                if node.kind in ("mapping", "sequence"):
                    open_nodes.append(node)
                    waiting_keys.append(None)
            elif isinstance(event, yaml.events.CollectionEndEvent):
                done = open_nodes.pop()
                # A block ends, for the parser, only where the next thing begins: comments between are not part of it.
                last = done.children[-1].end if done.children else self._index(event.end_mark)
                done.end = self._index(event.end_mark) if done.flow else last
                waiting_keys.pop()
        return root or Span("scalar", 0, len(self.text))

    def _node(self, event: yaml.events.Event) -> Span | None:
        start, end = self._index(event.start_mark), self._index(event.end_mark)
        if isinstance(event, yaml.events.AliasEvent):
            return Span("alias", start, end, event.anchor or "")
        if isinstance(event, yaml.events.ScalarEvent):
            node = Span("scalar", start, end, event.value, event.anchor or "")
        elif isinstance(event, yaml.events.MappingStartEvent):
            node = Span("mapping", start, end, anchor=event.anchor or "", flow=bool(event.flow_style))
        elif isinstance(event, yaml.events.SequenceStartEvent):
            node = Span("sequence", start, end, anchor=event.anchor or "", flow=bool(event.flow_style))
        else:
            return None
        if node.anchor:
            self.anchors[node.anchor] = node
        return node

    def _index(self, mark: Any) -> int:
        return mark.index + self._skipped if mark is not None else 0


def _line(mark: Any) -> int:
    return mark.line + 1 if mark is not None else 0


def splice(text: str, changes: Iterable[tuple[Span, str]]) -> str:
    """The text with each span replaced. Whatever anchor a replaced node carried stays. Raises ValueError on an overlap."""
    ordered = sorted(changes, key=lambda change: change[0].start)
    parts: list[str] = []
    done = 0
    for span, new in ordered:
        if span.start < done:
            raise ValueError("two changes overlap")
        kept = f"&{span.anchor} " if span.anchor else ""
        parts += [text[done : span.start], kept, new]
        done = span.end
    return "".join([*parts, text[done:]])


def with_entry(text: str, mapping: Span, key: str, value: str) -> str:
    """The text with `key: value` put at the end of a mapping, in the layout that the mapping has."""
    if mapping.flow:
        close = mapping.end - 1
        comma = ", " if mapping.children else ""
        return f"{text[:close].rstrip()}{comma}{key}: {value}{text[close:]}"
    line_start = text.rfind("\n", 0, mapping.start) + 1
    indent = " " * (mapping.start - line_start)
    return f"{text[: mapping.end].rstrip()}\n{indent}{key}: {value}{text[mapping.end :]}"
