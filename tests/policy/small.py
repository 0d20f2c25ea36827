"""Small libraries of invented texts, to see what the readers of texts say about them."""

from __future__ import annotations

import shutil
from pathlib import Path

from policy.texts import ROOT
from zhaoliang.policy import Document, PolicyStore

HEAD = """
document:
  id: {id}
  title: {title}
  number: {title}〔2026〕1号
  issuers: [测试局]
  in_force: {{{in_force}}}
  region: {region}
clauses:
  "1": {{ref: 第一条, text: 示例条文。, verified: true}}
  "2": {{ref: 第二条, text: 未见原文。, verified: false}}
"""
FORBIDS = '  "7": {ref: 第七条, text: 不得以户籍为条件。, verified: true, forbids: residence}\n'
RULE = """
  {name}:
    asks: 问{name}
    says: 拒绝{name}
    must: {must}
    cite: "1"
    schemes: [training]
    phase: claim
"""


def text(
    parts: str = "", *, name: str = "sample", region: str = "cn-99", start: str = "2026-01-01", end: str = ""
) -> dict[str, str]:
    """A document by its path below the library's root."""
    digits = "".join(region.split("-")[1:])
    head = HEAD.format(
        id=f"{region}/{name}",
        title=f"测试办法{name}",
        in_force=f"from: {start}" + (f", to: {end}" if end else ""),
        region=int(digits.ljust(6, "0")) if digits else 100000,
    )
    return {f"{region}/{name}/{start}.yaml": head + parts}


def rule(name: str, must: str, **more: str) -> str:
    """An entry of `rules` (the first line is yours)."""
    return RULE.format(name=name, must=must) + "".join(f"    {key}: {value}\n" for key, value in more.items())


def library(folder: Path, *texts: dict[str, str]) -> PolicyStore:
    """The store of exactly these texts."""
    root = folder / "policies"
    root.mkdir(parents=True, exist_ok=True)
    for name in ("facts.yaml", "schema.json"):
        shutil.copy(ROOT / name, root / name)
    for held in texts:
        for path, content in held.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
    return PolicyStore.load(root)


def only(store: PolicyStore) -> Document:
    """The one text of a store."""
    (document,) = store.documents
    return document
