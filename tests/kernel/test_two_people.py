"""Maker is not checker, kept by the database too (trust figure 21): every such constraint there is, tried one pair at a time."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, models

import zhaoliang

pytestmark = [pytest.mark.django_db, pytest.mark.mission("I6")]

SOURCE = Path(zhaoliang.__file__).parent
STAFF = re.compile(r"_(user|person)(_id)?$")


def pairs() -> list[tuple[str, str, str, str]]:
    """(table, constraint, maker, checker) of each check that compares two columns of staff for being another one."""
    found = []
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if isinstance(constraint, models.CheckConstraint):
                staff = [name for name in _fields(constraint.condition) if STAFF.search(name)]
                if len(set(staff)) == 2 and _compares(constraint.condition):
                    columns = [model._meta.get_field(name).column for name in dict.fromkeys(staff)]
                    found.append((model._meta.db_table, constraint.name, columns[0], columns[1]))
    return found


def _leaves(condition: Any) -> list[tuple[str, Any]]:
    if isinstance(condition, models.Q):
        return [leaf for child in condition.children for leaf in _leaves(child)]
    return [condition]


def _fields(condition: Any) -> list[str]:
    names = [name.split("__")[0] for name, _ in _leaves(condition)]
    return names + [value.name for _, value in _leaves(condition) if isinstance(value, models.F)]


def _compares(condition: Any) -> bool:
    return any(isinstance(value, models.F) for _, value in _leaves(condition))


PAIRS = pairs()


def test_money_and_what_leads_to_it_is_kept_by_two_in_the_database() -> None:
    kept = {table for table, *_ in PAIRS}
    assert kept >= {
        "claim",
        "payment_batch",
        "paying_account",
        "reconciliation_case",
        "correction",
        "recovery_case",
        "sanction",
        "certificate",
        "voucher_batch",
        "batch_change",
        "issue_list",
        "book_closing",
        "share_voiding",
        "appeal",
        "exam",
        "policy_draft",
        "policy_text",
    }
    # Another account is asked for beside another person: staff need not be registered as people.
    accounts, people = (
        {table for table, _, maker, _ in PAIRS if maker.removesuffix("_id").endswith(kind)}
        for kind in ("_user", "_person")
    )
    assert accounts ^ people == set()


@pytest.mark.parametrize(("table", "name", "maker", "checker"), PAIRS, ids=[f"{p[0]}-{p[1]}" for p in PAIRS])
def test_the_database_refuses_one_person_or_account_at_both_desks(
    table: str, name: str, maker: str, checker: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass"
            " AND contype = 'c'",
            [name, table],
        )
        (condition,) = cursor.fetchone()

        def holds(first: int, second: int) -> bool | None:
            # What the database itself keeps, asked about a row with both names in it and the step taken.
            cursor.execute(
                f"SELECT {condition} FROM jsonb_populate_record(NULL::{connection.ops.quote_name(table)}, %s::jsonb)",
                [json.dumps({maker: first, checker: second, "state": "approved", "step": "closed"})],
            )
            return cursor.fetchone()[0]

        assert holds(7, 7) is False
        assert holds(7, 8) is True


def test_every_step_that_asks_for_another_person_compares_account_and_person() -> None:
    calls = 0
    for file in SOURCE.rglob("*.py"):
        if "require_other_person" not in (text := file.read_text(encoding="utf-8")):
            continue
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id == "require_other_person"
            ):
                given = {word.arg: ast.unparse(word.value) for word in node.keywords}
                where = f"{file.name}: {given}"
                assert "person" in given["person_id"], where
                assert "user" in given["user_id"], where
                calls += 1
    assert calls >= 20
