"""`zhaoliang policy simulate`: what a draft would have changed on past lines; files alone, no database."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, cast

import typer
import xlsxwriter

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app, load, loaded
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import FactError, FactSchema, Outcome, Phase, PolicyError, PolicyStore
from zhaoliang.policy.files import path_sources, read_yaml
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.lines import Lines
from zhaoliang.policy.model import PHASES
from zhaoliang.policy.whatif import ENGINES, Change, Comparison, EngineName, compare

CURRENT = "current"
OUTCOME_NAMES = {Outcome.PASS: "通过", Outcome.FAIL: "不通过", Outcome.CANNOT_TELL: "不能判断"}
MOVED_NAMES = {Outcome.PASS: "新通过", Outcome.FAIL: "新不通过", Outcome.CANNOT_TELL: "新转人工"}
HEADS = ("笔数", "原支出", "新支出", "增减", "增加笔数", "减少笔数", "不变笔数", "无法比较", "新不通过", "新转人工")


@app.command()
def simulate(
    lines: Annotated[
        Path, typer.Option("--lines", help="历史记录：.parquet、.csv 或 .jsonl", exists=True, dir_okay=False)
    ],
    place: Annotated[int, typer.Option(help="行政区划代码，如 120000")],
    after: Annotated[list[Path], typer.Option("--after", help="草案文件或文件夹，可写多个", exists=True)],
    before: Annotated[
        list[str] | None,
        typer.Option("--before", help="比较的对象：文件或文件夹，可写多个；不写（或写 current）为现行政策库"),
    ] = None,
    scheme: Annotated[str, typer.Option(help="补贴种类")] = "training",
    on: Annotated[str, typer.Option("--on-column", help="记录里决定适用哪一版的日期列")] = "class_start",
    by: Annotated[str, typer.Option("--by", help="分组的列，用逗号隔开，如 group,region")] = "",
    phase: Annotated[str, typer.Option("--phase", help="、".join(PHASES))] = "claim",
    top: Annotated[int, typer.Option(min=0, help="列出变化最大的若干笔")] = 10,
    engine: Annotated[str, typer.Option(help="、".join(ENGINES))] = "duckdb",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="另存为 Excel 文件", dir_okay=False)] = None,
    root: Root = DEFAULT_ROOT,
) -> None:
    """用历史记录试算草案：支出增减、谁多谁少、谁新不通过，按人群和地区分列。"""
    if phase not in PHASES:
        raise typer.BadParameter(f"没有 {phase!r} 这个阶段{nearest(phase, PHASES)}", param_hint="--phase")
    if engine not in ENGINES:
        raise typer.BadParameter(f"只能是 {'、'.join(ENGINES)}", param_hint="--engine")
    others = [Path(one) for one in before or () if one != CURRENT]
    if not others:
        old, new = load(root), loaded(lambda: PolicyStore.load(root, overlay(after)))
    elif absent := next((path for path in others if not path.exists()), None):
        raise typer.BadParameter(f"没有 {absent} 这个文件；现行政策库请写 current", param_hint="--before")
    elif len(others) < len(before or ()):
        raise typer.BadParameter("current 不能和文件一起写", param_hint="--before")
    else:
        old, new = loaded(lambda: PolicyStore.load_paths(others)), loaded(lambda: PolicyStore.load_paths(after))
    columns = [name for name in (part.strip() for part in by.split(",")) if name]
    try:
        read = Lines.read(lines, new.facts_for(place))
        result = compare(
            read,
            old,
            new,
            place=place,
            scheme=scheme,
            on=on,
            phase=cast("Phase", phase),
            by=columns,
            top=top,
            engine=cast("EngineName", engine),
        )
    except (FactError, PolicyError) as problem:
        typer.echo(f"不能试算：{problem}", err=True)
        raise typer.Exit(1) from problem
    sets = [one for segment in result.segments for one in (segment.before, segment.after)]
    if sets and not any(one.rules or one.bound_amounts for one in sets):
        typer.echo(f"不能试算：两边都没有用于 {place} 的 {scheme} 规则或金额；请核对 --place 和 --scheme", err=True)
        raise typer.Exit(1)
    schema = new.facts_for(place)
    if xlsx is not None:
        write_workbook(xlsx, result, schema)
    if as_json:
        typer.echo(json.dumps(result.to_json(), ensure_ascii=False, indent=2))
        return
    for line in report_lines(result, schema):
        typer.echo(line)


def overlay(paths: list[Path]) -> dict[str, bytes]:
    """The draft files with the tables beside them, where they would stand in the library by their own head."""
    laid: dict[str, bytes] = {}
    for source in path_sources(paths):
        head = read_yaml(source.content, source.shown).data.get("document", {})
        folder = str(head.get("id", ""))
        laid[f"{folder}/{head.get('in_force', {}).get('from')}.yaml"] = source.content
        if source.folder is not None:
            laid |= {f"{folder}/{table.name}": table.read_bytes() for table in source.folder.glob("*.csv")}
    return laid


def report_lines(result: Comparison, schema: FactSchema) -> list[str]:
    """The comparison for people to read."""
    total = result.total
    lines = [
        f"共 {total.lines} 笔" + (f"，另有 {result.undated} 笔没有日期，没有试算" if result.undated else ""),
        f"支出：{format_yuan(total.before.fen)} → {format_yuan(total.after.fen)}（{_signed(total.fen)}）",
        f"通过 {total.before.passed} → {total.after.passed}，不通过 {total.before.refused} → {total.after.refused}，"
        f"转人工 {total.before.unclear} → {total.after.unclear}",
        f"增加 {total.winners} 笔 {format_yuan(total.winners_fen)}，减少 {total.losers} 笔 {format_yuan(total.losers_fen)}，"
        f"不变 {total.unchanged} 笔，无法比较 {total.untold} 笔（有一边要转人工）",
    ]
    if total.before.unclear or total.after.unclear:
        unclear = f"{format_yuan(total.before.unclear_fen)} → {format_yuan(total.after.unclear_fen)}"
        lines.append(f"转人工的没有算进支出；其中算得出金额的，如果都核实通过：{unclear}")
    if result.missing:
        # An earlier grant is counted under a name of the texts' own, so the name of the column is told too.
        named = "、".join(f"{schema.label(name)}（{name}）" for name in result.missing)
        lines.append(f"记录里没有这些事实，按不知道处理（括号里是列名，补上后再试算）：{named}")
        if any(name.startswith("count_") for name in result.missing):
            lines.append("享受次数可以补上括号里的列，也可以在 .jsonl 里写 history：以往享受的每一次")
    if result.reasons:
        lines.append("结果改变的原因：")
        lines += [
            f"  {MOVED_NAMES[one.moved]} {one.lines} 笔：{one.asks}（{one.rule_id}，{one.clause}）"
            for one in result.reasons
        ]
    for name, held in result.groups.items():
        lines.append(f"按{_heading(name, schema)}：")
        lines += [
            f"  {schema.show(name, value or None)}：{change.lines} 笔，{_signed(change.fen)}，"
            f"增加 {change.winners} 笔 {format_yuan(change.winners_fen)}，减少 {change.losers} 笔 {format_yuan(change.losers_fen)}，"
            f"新不通过 {change.newly_refused}，新转人工 {change.newly_unclear}"
            for value, change in sorted(held.items())
        ]
    if result.top:
        lines.append("变化最大的：")
        lines += [
            f"  {one.id}（{one.on}）{_due(one.before, one.before_fen)} → {_due(one.after, one.after_fen)}，"
            f"{_signed(one.difference)}"
            for one in result.top
        ]
    return lines


def write_workbook(path: Path, result: Comparison, schema: FactSchema) -> None:
    """The comparison as an Excel file: totals, one sheet a grouping, reasons, greatest changes. Amounts in yuan."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
        tables: dict[str, tuple[tuple[str, ...], list[tuple[object, ...]]]] = {
            "合计": (("", *HEADS), [("合计", *_cells(result.total))])
        }
        for name, held in result.groups.items():
            rows = [(schema.show(name, value or None), *_cells(held[value])) for value in sorted(held)]
            heading = _heading(name, schema)
            tables[f"按{heading}"[:31]] = ((heading, *HEADS), rows)
        tables["原因"] = (
            ("结果", "规则", "内容", "依据", "笔数"),
            [(MOVED_NAMES[one.moved], one.rule_id, one.asks, one.clause, one.lines) for one in result.reasons],
        )
        tables["变化最大"] = (
            ("编号", "日期", "原结果", "新结果", "增减"),
            [
                (one.id, one.on.isoformat(), OUTCOME_NAMES[one.before], OUTCOME_NAMES[one.after], _yuan(one.difference))
                for one in result.top
            ],
        )
        for title, (heads, rows) in tables.items():
            sheet = book.add_worksheet(title)
            sheet.set_column(0, len(heads), 16)
            sheet.write_row(0, 0, heads, bold)
            for number, row in enumerate(rows, start=1):
                for column, value in enumerate(row):
                    sheet.write(number, column, value, money if isinstance(value, Decimal) else None)


def _cells(change: Change) -> tuple[object, ...]:
    money = (_yuan(change.before.fen), _yuan(change.after.fen), _yuan(change.fen))
    counts = (change.winners, change.losers, change.unchanged, change.untold)
    return (change.lines, *money, *counts, change.newly_refused, change.newly_unclear)


def _heading(name: str, schema: FactSchema) -> str:
    """What a column to group by is called; the region of a line is no fact and has its own word."""
    return "地区" if name == "region" else schema.label(name)


def _yuan(fen: int) -> Decimal:
    """The exact amount in yuan for a cell."""
    return Decimal(fen).scaleb(-2)


def _signed(fen: int) -> str:
    return f"+{format_yuan(fen)}" if fen > 0 else format_yuan(fen)


def _due(outcome: Outcome, fen: int | None) -> str:
    amount = f" {format_yuan(fen)}" if fen is not None and outcome is not Outcome.FAIL else ""
    return f"{OUTCOME_NAMES[outcome]}{amount}"
