"""Where the policy texts are, and a small sample document to try the loader on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from zhaoliang.policy import PolicyStore

ROOT = Path(__file__).parents[2] / "policies"
STORE = PolicyStore.load(ROOT)
RUNS = STORE.runs
RUN_IDS = [f"{run.document.id}: {run.scenario.name}" for run in RUNS]
Write = Callable[..., PolicyStore]

DOCUMENT = """
document:
  id: cn-99/sample
  title: 测试办法
  number: 测试〔2026〕1号
  issuers: [测试局]
  in_force: {from: 2026-01-01}
  region: 990000
clauses:
  "1": {ref: 第一条, text: 示例条文。, verified: true}
  "2": {ref: 第二条, text: 未见原文。, verified: false}
"""
