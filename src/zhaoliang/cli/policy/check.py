"""`zhaoliang policy check`: every fault of the texts, or their counts and the scenarios they hold."""

from __future__ import annotations

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app
from zhaoliang.cli.policy.texts import Paths, chosen_texts
from zhaoliang.policy import Document, FactError, PolicyStore
from zhaoliang.policy.cases import case_faults, read_cases, unshown
from zhaoliang.policy.coverage import coverage
from zhaoliang.policy.report import report
from zhaoliang.policy.scenarios import ScenarioRun, run_scenario

PLACE = "<行政区划>/<文件>/<生效日期>.yaml，如 cn-12/jinrenshe-2022-20/2022-08-01.yaml"


@app.command()
def check(paths: Paths = None, root: Root = DEFAULT_ROOT) -> None:
    """检查政策文件并跑一遍其中的情形；打印数目，有误则列出每一处，退出码为 1。"""
    store, documents = chosen_texts(list(paths or []), root)
    faults: list[str] = []
    runs: list[ScenarioRun] = []
    for document in documents:
        for place, scenario in enumerate(document.scenarios):
            where = f"{document.file}:{document.line(f'scenarios.{place}')} (scenarios.{place})"
            try:
                run = run_scenario(store, document, scenario)
            except FactError as problem:
                faults.append(f"{where}: 情形“{scenario.name}”：{problem}")
                continue
            runs.append(run)
            faults += [f"{where}: 情形“{scenario.name}”不符：{run.problem}"] if run.problem else []
    for name, count in counts(store, documents).items():
        typer.echo(f"{name}：{count}")
    total = sum(len(document.scenarios) for document in documents)
    for fault in faults:
        typer.echo(fault, err=True)
    typer.echo(f"情形：{total - len(faults)}/{total} 相符")
    if paths and len(documents) == len(store.documents) and len(runs) == total:
        faults += senseless(store, documents)
    # Only the whole library can be asked for all cases; a folder of it shows some.
    whole = not paths or any(path.resolve() == root.resolve() for path in paths)
    if whole and (cases := read_cases(root)):
        faults += (missing := list(case_faults(cases, runs)))
        for fault in missing:
            typer.echo(fault, err=True)
        typer.echo(f"用例：{len(cases) - len(unshown(cases, runs))}/{len(cases)} 有相符的情形")
    if not documents:
        typer.echo(f"没有找到政策文件（文件夹里找 .yaml；政策库里的文件放在 {PLACE}）", err=True)
    if faults or not documents:
        raise typer.Exit(1)


def senseless(store: PolicyStore, documents: tuple[Document, ...]) -> list[str]:
    """What loads but cannot be meant, as `report` finds it; how much more it has to say is told on standard error.

    Only for texts that stand by themselves: a whole library takes long, and `report` is there for it.
    """
    made = report(store, documents)
    found = [str(finding) for finding in made.of("error") if finding.kind != "scenario"]
    for finding in found:
        typer.echo(finding, err=True)
    warned = made.of("warning")
    for finding in warned:
        # Which of two versions binds on a day is not for a count to hide.
        if finding.kind == "period":
            typer.echo(str(finding), err=True)
    if warned:
        typer.echo(f"提醒共 {len(warned)} 处：zhaoliang policy report 列出", err=True)
    return found


def counts(store: PolicyStore, documents: tuple[Document, ...]) -> dict[str, int | str]:
    """What the documents hold."""
    clauses = [clause for document in documents for clause in document.clauses.values()]
    covered = list(coverage(store, documents))
    figures = [figure for document in documents for figure in document.parameters.values()]
    cites = [cite in store.citations for document, _, cite in store.cites() if document in documents]
    return {
        "文件": len(documents),
        "条款": len(clauses),
        "有规则或数值的条款": sum(bool(row.parts) for row in covered),
        "注明不作规则的条款": sum(bool(row.reason) for row in covered),
        "未核实条款": sum(not clause.verified for clause in clauses),
        "规则": sum(len(document.rules) for document in documents),
        "参数": len(figures),
        "分日期数值": sum(len(figure.values) for figure in figures),
        "表": sum(len(document.tables) for document in documents),
        "表的版本": sum(len(table.versions) for document in documents for table in document.tables.values()),
        "金额": sum(len(document.amounts) for document in documents),
        "时限": sum(len(document.clocks) for document in documents),
        "引用": f"{len(cites)}（{sum(cites) / max(len(cites), 1):.0%} 有出处）",
    }
