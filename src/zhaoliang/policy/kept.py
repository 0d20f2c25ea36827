"""Documents already read, kept while everything they were made from is the same: a draft is tried among many texts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from zhaoliang.policy.facts import FactSchema
from zhaoliang.policy.files import Tree
from zhaoliang.policy.load import Draft, load_document
from zhaoliang.policy.model import Document

MOST = 256
# What a key names by identity is held beside the document, so that an identity cannot come to mean something else.
_kept: OrderedDict[tuple[object, ...], tuple[Document, object]] = OrderedDict()
_looking = threading.Lock()


def document_of(draft: Draft, facts: FactSchema, declared_by: tuple[FactSchema | Tree | bool, ...]) -> Document:
    """The checked document, the one read before where nothing it was made from differs; raises as `load_document` does.

    `declared_by`: what the fact schema `facts` was made from, in this order.
    """
    beside = tuple((name, draft.source.read_beside(name)) for name in table_files(draft.tree.data))
    key = (draft.source.key, id(draft.tree), draft.broken, beside, *map(id, declared_by))
    with _looking:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][0]
    made = load_document(draft, facts)
    with _looking:
        _kept[key] = made, (draft.tree, declared_by)
        while len(_kept) > MOST:
            _kept.popitem(last=False)
    return made


def table_files(data: Any) -> list[str]:
    """The names of the table files that a policy file's data names, each once; none where its shape does not hold."""
    tables = data.get("tables") if isinstance(data, dict) else None
    entries = [entry for entry in tables.values() if isinstance(entry, dict)] if isinstance(tables, dict) else []
    versions = [version for entry in entries for version in entry.get("versions") or [entry]]
    named = [version["file"] for version in versions if isinstance(version, dict) and "file" in version]
    return list(dict.fromkeys(name for name in named if isinstance(name, str)))
