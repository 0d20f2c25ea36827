"""The rules as one set-based statement, for PostgreSQL (which binds) and DuckDB (what-if over files)."""

from zhaoliang.policy.sql.history import history_columns
from zhaoliang.policy.sql.statement import OUTCOMES, Column, EnginesDiffer, Statement, answers_of, compile_set
from zhaoliang.policy.sql.text import Dialect

__all__ = [
    "OUTCOMES",
    "Column",
    "Dialect",
    "EnginesDiffer",
    "Statement",
    "answers_of",
    "compile_set",
    "history_columns",
]
