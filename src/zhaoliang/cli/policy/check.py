"""`zhaoliang policy check|facts|explain`: check the texts, list the facts, explain one line."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app, load
from zhaoliang.policy import FactError, Phase, PolicyError, explain
from zhaoliang.policy.model import PHASES
from zhaoliang.policy.scenarios import run_scenarios


@app.command()
def check(root: Root = DEFAULT_ROOT) -> None:
    """检查全部政策文件并跑一遍情形；打印数目，有误则退出码为 1。"""
    store = load(root)
    runs = list(run_scenarios(store))
    failed = [run for run in runs if run.problem]
    documents = store.documents
    clauses = [clause for document in documents for clause in document.clauses.values()]
    dated = sum(len(figure.values) for document in documents for figure in document.parameters.values())
    counts = {
        "文件": len(documents),
        "条款": len(clauses),
        "未核实条款": sum(not clause.verified for clause in clauses),
        "规则": sum(len(document.rules) for document in documents),
        "参数": sum(len(document.parameters) for document in documents),
        "分日期数值": dated,
        "表": sum(len(document.tables) for document in documents),
        "表的版本": sum(len(table.versions) for document in documents for table in document.tables.values()),
        "金额": sum(len(document.amounts) for document in documents),
        "时限": sum(len(document.clocks) for document in documents),
        "引用（全部有出处）": sum(1 for _ in store.cites()),
    }
    for name, count in counts.items():
        typer.echo(f"{name}：{count}")
    for run in failed:
        typer.echo(f"情形不符：{run.document.file}：{run.scenario.name}：{run.problem}", err=True)
    typer.echo(f"情形：{len(runs) - len(failed)}/{len(runs)} 相符")
    if failed:
        raise typer.Exit(1)


@app.command()
def facts(
    root: Root = DEFAULT_ROOT, as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False
) -> None:
    """列出规则可以使用的全部事实。"""
    schema = load(root).facts
    if as_json:
        rows = {
            fact.name: {
                "type": fact.type.kind,
                "unit": fact.unit if fact.type.kind == "number" else None,
                "codes": dict(schema.codes[fact.type.enum]) if fact.type.enum else None,
                "label": fact.label,
                "meaning": fact.meaning,
                "source": fact.source,
                "unknown": fact.unknown,
            }
            for fact in schema.facts.values()
        }
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for fact in schema.facts.values():
        typer.echo(f"{fact.name}（{fact.type}）{fact.label}：{fact.meaning}。不知道时：{fact.unknown}")


@app.command("explain")
def explain_line(
    facts_file: Annotated[Path, typer.Argument(help="一条事实的 JSON 文件", exists=True, dir_okay=False)],
    place: Annotated[int, typer.Option(help="行政区划代码，如 120000")],
    on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="开班日期")],
    scheme: Annotated[str, typer.Option(help="补贴种类")] = "training",
    phase: Annotated[str, typer.Option(help="filing、preflight 或 claim")] = "claim",
    root: Root = DEFAULT_ROOT,
) -> None:
    """对一条事实作出判断，并逐条说明依据。"""
    store = load(root)
    if phase not in PHASES:
        raise typer.BadParameter(f"只能是 {'、'.join(PHASES)}", param_hint="--phase")
    try:
        given = json.loads(facts_file.read_text(encoding="utf-8"))
        policies = store.for_place(place, scheme, date(on.year, on.month, on.day))
        decision = policies.decide(given, phase=cast("Phase", phase))
    except json.JSONDecodeError as problem:
        typer.echo(f"{facts_file} 不是 JSON：{problem}", err=True)
        raise typer.Exit(1) from problem
    except (FactError, PolicyError) as problem:
        typer.echo(f"事实有误：{problem}", err=True)
        raise typer.Exit(1) from problem
    for line in explain(decision, store.facts):
        typer.echo(line)
