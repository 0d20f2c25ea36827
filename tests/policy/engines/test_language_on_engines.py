"""Every word of the language on every engine: functions, rounding, amounts below 0, fractions, parts of a payment."""

from __future__ import annotations

import random
from datetime import date
from fractions import Fraction
from typing import Any

import duckdb
import polars
import psycopg
import pytest

from policy.engines.asked import assert_all_agree, by_duckdb, made_lines, row_of, table_of
from policy.texts import Write
from seeds import fresh_seed
from zhaoliang.policy import PolicySet, PolicyStore
from zhaoliang.policy.frames import decide_frame
from zhaoliang.policy.sql import EnginesDiffer, compile_set

ON = date(2026, 6, 1)
FACTS = """
facts:
  day_a: {type: date, label: 甲日, meaning: 甲日, unknown: 不详}
  day_b: {type: date, label: 乙日, meaning: 乙日, unknown: 不详}
  part: {type: number, unit: count, fraction: true, label: 份, meaning: 可带小数, unknown: 不详}
  share: {type: number, unit: ratio, fraction: true, label: 比例, meaning: 可带小数, unknown: 不详}
  whole: {type: number, at_least: null, unit: count, label: 整数, meaning: 可为负, unknown: 不详}
  paid: {type: number, at_least: null, unit: fen, fraction: true, label: 已付, meaning: 可带小数, unknown: 不详}
  less: {type: number, at_least: null, unit: fen, label: 减去, meaning: 可为负, unknown: 不详}
  word: {type: text, label: 文字, meaning: 文字, unknown: 不详}
  grade: {label: 档, meaning: 有先后, unknown: 不详, ordered: true, codes: {low: 低, mid: 中, high: 高}}
  other_grade: {type: enum, enum: grade, label: 另一档, meaning: 有先后, unknown: 不详}
"""
TABLES = """
conditions:
  well_off: {says: 份额足, holds: "share > 0.25 or part > 1", cite: '1'}
  small: {says: 小而份额足, holds: "well_off and whole < 1", cite: '1'}
parameters:
  unset: {unit: count, says: 以后才有, values: [{from: 2030-01-01, value: 1, cite: '1'}]}
  ratio_value: {unit: ratio, says: 比例, value: 0.35, cite: '1'}
tables:
  by_tier: {says: 分段, unit: fen, keys: [{name: tier, like: whole, tiers: [-2, 0, 3]}], cite: '1', rows: {-2: 333, 0: -250, 3: 1001}}
  by_word: {says: 文字, unit: fen/hours, keys: [word, grade], cite: '1', rows: {"o'clock": {low: 7, high: 9}, "乙": {mid: 5}}}
  by_number: {says: 数, unit: ratio, keys: [part], cite: '1', rows: {1: 0.125, 2: 0.5}}
  dated:
    says: 分日期
    unit: fen
    keys: [grade]
    version_by: day_a
    versions:
      - {from: 2025-01-01, cite: '1', rows: {low: 1, mid: 2}}
      - {from: 2026-01-01, cite: '1', verified: false, rows: {low: 100, mid: 200, high: 300}}
      - {from: 2027-01-01, cite: '1', rows: {low: 100, mid: 200, high: 300}}
"""
RULES = {
    "connected": "(whole > 1 or grade = 'low') and not (word = '乙' and share > 0.5)",
    "ordered": "grade >= other_grade",
    "ordered_code": "grade < 'mid' or other_grade >= 'high'",
    "first_code": "not grade < 'low'",
    "between": "whole between -1 and 2",
    "years": "year(day_a) = 2026 and years_between(day_a, day_b) >= 0",
    "months": "months_between(day_a, day_b) < 13",
    "days": "days_between(day_a, day_b) <= 365",
    "floors": "floor(part) - ceil(share) >= whole",
    "least": "least(part, whole * 1, 2) = greatest(0 - 1, share * 3)",
    "divided": "whole_div(whole, 3) * 3 <= whole and whole_div(part, share) > 1",
    "by_zero": "ratio(part, whole) < 0.5",
    "case": "case when whole > 2 then share when part > 1 then 0.5 else 1 end > 0.25",
    "unset_figure": "whole > unset or grade = 'high'",
    "dated_cell": "lookup(dated, grade) >= 150",
    "named": "small or not (well_off and grade = 'low')",
    "product": "whole * part * share >= ratio_value",
}
PHASES = ("preflight", "advance", "claim")


def texts(amounts: str) -> str:
    """The rules by turns in the phases claim and advance, one of them by a clause that nobody read."""
    rules = ""
    for number, (name, must) in enumerate(RULES.items()):
        phase, cite = ("claim", "advance")[number % 2], 2 if name == "floors" else 1
        entry = f'asks: 问, says: 说, must: "{must}", cite: "{cite}", schemes: [training], phase: {phase}'
        rules += f"  {name}: {{{entry}}}\n"
    return f"{FACTS}{TABLES}rules:\n{rules}amounts:\n{amounts}"


def policies_of(store: PolicyStore) -> PolicySet:
    return store.for_place(990000, "training", ON)


def try_all(policies: PolicySet, postgres: psycopg.Connection[Any], count: int = 2_000) -> set[int]:
    seed, outcomes = fresh_seed(), set[int]()
    for phase in PHASES:
        statement = compile_set(policies, phase, dialect="duckdb")
        lines = made_lines(policies, phase, statement.columns, count, seed)
        outcomes |= {row[1] for row in assert_all_agree(policies, phase, lines, postgres, statement)}
    return outcomes


@pytest.mark.mission("F1", "F7")
def test_every_word_of_the_language(write: Write, postgres: psycopg.Connection[Any]) -> None:
    amounts = """
  tiered:
    scheme: training
    says: 分段
    when: grade <> 'high'
    base: lookup(by_tier, whole)
    steps:
      - {label: 乘, times: "share", when: "whole < 3", cite: '1'}
      - {label: 加, add: "lookup(by_tier, whole + 1)", when: part >= 1, cite: '1'}
      - {label: 至多, at_most: "900", cite: '1'}
      - {label: 至少, at_least: "0 - 300", when: "word = '乙'", cite: '1'}
      - {label: 再乘, times: "lookup(by_number, part)", when: "part in (1, 2)", cite: '1'}
    pay_to: {to: "case when whole > 0 then 'person' else 'provider' end", cite: '1'}
    cite: '1'
  dated: {scheme: training, says: 分日期, when: whole > 0, base: "lookup(dated, grade)", cite: '1'}
  worded:
    scheme: training
    says: 文字
    base: lookup(by_word, word, grade) * planned_hours
    pay_to: {to: "'enterprise'", cite: '1'}
    cite: '1'
"""
    assert try_all(policies_of(write(texts(amounts))), postgres) == {0, 1, 2}


@pytest.mark.parametrize("mode", ["half_up", "half_even", "up", "down"])
@pytest.mark.parametrize("step", [1, 100])
def test_each_way_of_rounding_on_both_sides_of_nothing(
    mode: str, step: int, write: Write, postgres: psycopg.Connection[Any]
) -> None:
    amounts = f"""
  rounded: {{scheme: training, says: 取整, base: "paid - less", round: {{mode: {mode}, to_fen: {step}}}, cite: '1'}}
"""
    policies = policies_of(write(texts(amounts)))
    near = [Fraction(halves, 2) + Fraction(part, 3) for halves in range(-6, 7) for part in (0, 1)]
    lines = [{"paid": value * step, "less": less} for value in near for less in (-150, 0, 150)]
    named = [column.name for column in compile_set(policies, "preflight", dialect="duckdb").columns]
    assert {"paid", "paid_den", "less"} <= set(named)
    known = [dict.fromkeys(policies.facts_needed("preflight")) | line for line in lines]
    assert_all_agree(policies, "preflight", known, postgres)


@pytest.mark.mission("F7")
def test_an_advance_its_settlement_and_what_a_refusal_takes_back(
    write: Write, postgres: psycopg.Connection[Any]
) -> None:
    amounts = """
  first:
    scheme: training
    says: 先付
    when: grade = 'low'
    base: lookup(by_tier, whole) * 7
    instalments:
      advance: {label: 预付, share: "share", cite: '1'}
      settlement: {label: 扣除, paid: paid, cite: '1'}
      clawback: {label: 追回, when: not pension_drawn, cite: '1'}
    cite: '1'
  second:
    scheme: training
    says: 另付
    when: grade = 'mid'
    base: lookup(by_tier, whole)
    instalments:
      advance: {label: 预付, share: "0.5", of: "lookup(dated, grade)", cite: '1'}
      settlement: {label: 扣除, paid: paid, cite: '1'}
    cite: '1'
  third: {scheme: training, says: 一次付, when: whole > 0, base: paid, cite: '1'}
"""
    policies = policies_of(write(texts(amounts)))
    assert try_all(policies, postgres) == {0, 1, 2}


def test_an_overflow_raises_on_every_engine_and_never_wraps(write: Write, postgres: psycopg.Connection[Any]) -> None:
    amounts = "  huge: {scheme: training, says: 大, base: 'lookup(by_tier, 0) * whole * whole * 1000000', cite: '1'}\n"
    policies = policies_of(write(FACTS + TABLES + "amounts:\n" + amounts))
    statement = compile_set(policies, dialect="duckdb")
    facts = dict.fromkeys(policies.facts_needed()) | {"whole": 10**9}
    table = table_of([row_of(0, facts, statement.columns)], statement.columns)
    with pytest.raises(duckdb.OutOfRangeException, match="Overflow"):
        by_duckdb(statement, table)
    with pytest.raises(psycopg.errors.NumericValueOutOfRange):
        postgres.execute(
            compile_set(policies).select("(SELECT 0::bigint AS id, 1000000000::bigint AS whole)")
        ).fetchall()
    frame = polars.from_arrow(table)
    assert isinstance(frame, polars.DataFrame)
    with pytest.raises(OverflowError, match="64 bits"):
        decide_frame(policies, frame)


def test_a_statement_is_explained_before_it_binds(write: Write, postgres: psycopg.Connection[Any]) -> None:
    policies = policies_of(
        write(texts("  a: {scheme: training, says: 甲, base: 'lookup(by_tier, whole)', cite: '1'}\n"))
    )
    statement = compile_set(policies)
    statement.check(postgres.execute)
    with pytest.raises(psycopg.errors.UndefinedColumn):
        statement.check(postgres.execute, "(SELECT 1::bigint AS id)")


def test_a_row_becomes_the_decision_that_the_rules_give_and_a_changed_one_is_noticed(
    write: Write, postgres: psycopg.Connection[Any]
) -> None:
    policies = policies_of(
        write(texts("  a: {scheme: training, says: 甲, base: 'lookup(by_tier, whole)', cite: '1'}\n"))
    )
    statement = compile_set(policies)
    facts = made_lines(policies, "claim", statement.columns, 1, fresh_seed())[0]
    row = row_of(5, facts, statement.columns)
    names = ["id", *(column.name for column in statement.columns)]
    marks = ", ".join(
        f'%s::{"bigint" if name == "id" else statement.columns[place - 1].sql_type} AS "{name}"'
        for place, name in enumerate(names)
    )
    postgres.execute(f"CREATE TEMP TABLE one AS SELECT {marks}", row)
    (held,) = postgres.execute(statement.select("one")).fetchall()
    assert statement.decision(held, facts) == policies.decide(facts)
    wrong = {**dict(zip(("id", "outcome", "fen", "answers", "payee", "steps"), held, strict=True)), "fen": -7}
    with pytest.raises(EnginesDiffer, match="line 5"):
        statement.decision(wrong, facts)


def test_lines_in_any_order_get_the_same_answers(write: Write) -> None:
    policies = policies_of(
        write(texts("  a: {scheme: training, says: 甲, base: 'lookup(by_tier, whole)', cite: '1'}\n"))
    )
    statement, seed = compile_set(policies, dialect="duckdb"), fresh_seed()
    lines = made_lines(policies, "claim", statement.columns, 300, seed)
    rows = [row_of(number, facts, statement.columns) for number, facts in enumerate(lines)]
    shuffled = random.Random(seed).sample(rows, len(rows))
    assert by_duckdb(statement, table_of(shuffled, statement.columns)) == by_duckdb(
        statement, table_of(rows, statement.columns)
    )
