"""`zhaoliang policy diff`: what changed between two versions of a text, clause by clause."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app, load, loaded
from zhaoliang.cli.policy.texts import AsJson, chosen_texts
from zhaoliang.policy import Document, PolicyStore
from zhaoliang.policy.differences import PARTS, Change, differences, marked

LONG = 20


@app.command("diff")
def diff_command(
    old: Annotated[Path | None, typer.Argument(help="旧版文件", exists=True, dir_okay=False)] = None,
    new: Annotated[Path | None, typer.Argument(help="新版文件", exists=True, dir_okay=False)] = None,
    document: Annotated[str, typer.Option("--document", help="文件编号，如 cn-12/jinrenshe-2022-20")] = "",
    from_day: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="旧版所在的日子")] = None,
    to_day: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="新版所在的日子")] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option("--with", help="一起读的文件或文件夹，如所依据的上级文件；可写多个", exists=True),
    ] = None,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
) -> None:
    """两个版本逐条比较：条文、数值、标准表各格、规则、金额、时限。"""
    if old is not None and new is not None:
        (store, before), (_, after) = _one(old, also or [], root), _one(new, also or [], root)
    elif document and from_day is not None and to_day is not None:
        store = load(root)
        before, after = _on(store, document, from_day.date()), _on(store, document, to_day.date())
    else:
        raise typer.BadParameter("请写两个文件，或写 --document、--from 和 --to")
    changes = differences(before, after, store.facts, store.citations)
    if as_json:
        typer.echo(json.dumps([asdict(change) for change in changes], ensure_ascii=False, indent=2))
        return
    for change in changes:
        typer.echo(_line(change))
    typer.echo(f"共 {len(changes)} 处不同" if changes else "没有不同")


def _line(change: Change) -> str:
    """The change in one line; of a long text only what went [-…-] and came {+…+} stands out."""
    if change.kind != "changed" or min(len(change.before), len(change.after)) < LONG:
        return str(change)
    shown = {"same": "{}", "gone": "[-{}-]", "new": "{{+{}+}}"}
    text = "".join(shown[how].format(piece) for how, piece in marked(change.before, change.after))
    where = f"（{change.clause_ref}）" if change.clause_ref else ""
    what = " ".join(word for word in (change.says or change.name, change.field) if word)
    return f"{PARTS[change.part]}改动：{what}{where}：{text}"


def _one(path: Path, also: list[Path], root: Path) -> tuple[PolicyStore, Document]:
    """The document of one file; texts below the root are read together with all others there."""
    if not also:
        store, documents = chosen_texts([path], root)
        return store, documents[0]
    store = loaded(lambda: PolicyStore.load_paths([path, *also]))
    return store, next(one for one in store.documents if Path(one.file) == path)


def _on(store: PolicyStore, document_id: str, day: date) -> Document:
    """The version of the document that binds on a day."""
    held = [one for one in store.documents if one.id == document_id and one.in_force(day)]
    if not held:
        known = "、".join(sorted({one.id for one in store.documents}))
        raise typer.BadParameter(f"{document_id} 在 {day} 没有有效的版本；现有文件：{known}", param_hint="--document")
    return max(held, key=lambda one: one.start)
