"""`zhaoliang policy mutate`: do the scenarios notice when a rule, an amount or a figure is bent?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app
from zhaoliang.cli.policy.texts import AsJson, Paths, chosen_texts
from zhaoliang.policy.mutation import MutationTest, Result, Score


@app.command("mutate")
def mutate_command(
    paths: Paths = None,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
    show_survivors: Annotated[bool, typer.Option("--show-survivors", help="列出没有被发现的改动和应补的情形")] = False,
    at_least: Annotated[float, typer.Option("--at-least", help="低于这个比例则退出码为 1", min=0, max=1)] = 0.9,
) -> None:
    """变异测试：逐一改动规则和数值，看情形能否发现；打印总分、各文件得分和没有发现的改动。"""
    store, documents = chosen_texts(paths, root)
    test = MutationTest(store)
    score = test.score(documents)
    survivors = [(result, _hint(test, result)) for result in score.survivors if show_survivors]
    if as_json:
        typer.echo(json.dumps(_json(score, survivors), ensure_ascii=False, indent=2))
    else:
        for file, (killed, total) in score.by_document.items():
            typer.echo(f"{file}：{killed}/{total}（{killed / total:.1%}）")
        for result, hint in survivors:
            typer.echo(f"{_where(result)} 没有发现：{result.mutant.change}。{hint}")
        typer.echo(f"共发现 {score.killed}/{len(score.results)} 处改动（{score.share:.1%}）")
    if score.share < at_least:
        raise typer.Exit(1)


def _hint(test: MutationTest, result: Result) -> str:
    for day in result.mutant.days:
        if result.mutant.document.in_force(day):
            return f"写一个最后一天的情形：on: {day}"
        return f"写一个到期以后的情形：on: {day}，expect: {{in_force: false, …}}"
    return str(
        test.hint(result.mutant)
        or "在试过的事实里没有找到能区分的：请自己找一个，或换一个日子；确实找不到的，改动前后意思相同"
    )


def _where(result: Result) -> str:
    return f"{result.mutant.document.file}:{result.line} {result.mutant.part}"


def _json(score: Score, survivors: list[tuple[Result, str]]) -> dict[str, object]:
    return {
        "killed": score.killed,
        "total": len(score.results),
        "documents": {file: {"killed": killed, "total": total} for file, (killed, total) in score.by_document.items()},
        "survivors": [
            {
                "file": result.mutant.document.file,
                "line": result.line,
                "part": result.mutant.part,
                "change": result.mutant.change,
                "scenario": hint,
            }
            for result, hint in survivors
        ],
    }
