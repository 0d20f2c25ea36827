"""`zhaoliang policy facts`: every fact a rule may use, the platform's and those the texts declare themselves."""

from __future__ import annotations

import json
from typing import Any

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app
from zhaoliang.cli.policy.texts import AsJson, Paths, chosen_texts
from zhaoliang.policy import Fact, FactSchema
from zhaoliang.policy.counts import ALIKE, FIELDS, HISTORY
from zhaoliang.policy.facts import OUTSIDE


@app.command()
def facts(paths: Paths = None, root: Root = DEFAULT_ROOT, as_json: AsJson = False) -> None:
    """列出规则可以使用的全部事实：类型、单位、代码、来源、含义、不知道时意味着什么。"""
    schema = chosen_texts(list(paths or []), root)[0].facts
    # Counts are named by the texts that take them: of use only beside one of these.
    listed = [fact for fact in schema.facts.values() if paths or fact.source != HISTORY]
    rows = {fact.name: fact_row(fact, schema) for fact in listed}
    rows[HISTORY] = history_row()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for name, row in rows.items():
        typer.echo(f"{name}  {row['label']}（{_kind(row)}）")
        typer.echo(f"    {row['meaning']}。不知道时：{row['unknown']}。来源：{_source(row)}")
        if row["document"]:
            typer.echo(f"    由 {row['document']} 声明，只用于该地区的文件")
        if row["codes"]:
            typer.echo(f"    代码：{'、'.join(f'{code} {label}' for code, label in row['codes'].items())}")
    typer.echo("补贴种类（schemes）：")
    for code, label in schema.schemes.items():
        typer.echo(f"    {code}  {label}")


def fact_row(fact: Fact, schema: FactSchema) -> dict[str, Any]:
    """A fact as the command prints it in JSON."""
    return {
        "type": fact.type.kind,
        "unit": fact.unit if fact.type.kind == "number" else None,
        "fraction": fact.fraction,
        "codes": dict(schema.codes[fact.type.enum]) if fact.type.enum else None,
        "ordered": fact.type.enum in schema.ordered,
        "label": fact.label,
        "meaning": fact.meaning,
        "source": fact.source,
        "unknown": fact.unknown,
        "document": fact.document or None,
    }


def history_row() -> dict[str, Any]:
    """The list of earlier grants, which counts are taken from."""
    return {
        "type": "list",
        "unit": None,
        "fraction": False,
        "codes": None,
        "ordered": False,
        "label": "已享受的补贴",
        "meaning": f"本次之前已享受的补贴，每次一项：{'、'.join(FIELDS)}；on 是核准之日；{'、'.join(ALIKE)} 与本次比较是否相同",
        "source": "subsidies.selectors",
        "unknown": "未比对享受补贴的历史记录",
        "document": None,
    }


def _kind(row: dict[str, Any]) -> str:
    unit = f"，单位 {row['unit']}" if row["unit"] else ""
    return f"{row['type']}{unit}{'，可带小数' if row['fraction'] else ''}{'，有高低' if row['ordered'] else ''}"


def _source(row: dict[str, Any]) -> str:
    return "平台以外" if row["source"] == OUTSIDE else str(row["source"])
