"""`zhaoliang policy eval|explain`: decide lines of facts by the texts given; files alone, no database."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, TypeAlias, cast

import duckdb
import typer

from zhaoliang.cli.policy.group import DEFAULT_ROOT, Root, app, load, loaded
from zhaoliang.policy import (
    Decision,
    Document,
    FactError,
    FactSchema,
    Phase,
    PolicyError,
    PolicySet,
    PolicyStore,
    explain,
    spread_of,
)
from zhaoliang.policy.counts import HISTORY
from zhaoliang.policy.facts import read_fact_line
from zhaoliang.policy.hints import nearest
from zhaoliang.policy.library import region_chain
from zhaoliang.policy.lines import in_words
from zhaoliang.policy.model import PHASES
from zhaoliang.policy.scenarios import period

CHUNK = 5_000
MOST_NAMED = 5
ON = "on"
# What stands beside a line's `facts`, and what the command chooses for all lines.
OUTER = ""
CHOICES = ("scheme", "place", "phase")
# A line's number, its id, its facts, and what is wrong with a line that holds none.
FactLine: TypeAlias = tuple[int, object, dict[str, object], str]
Day = Annotated[str, typer.Option("--on", help="判断日，如 2026-05-01，通常是开班日期")]
PhaseName = Annotated[str, typer.Option("--phase", help="、".join(PHASES))]


@app.command("eval")
def evaluate(
    policy: Annotated[list[Path], typer.Option("--policy", help="政策文件或文件夹，可写多个", exists=True)],
    facts: Annotated[
        Path,
        typer.Option(
            "--facts",
            help="每行一条事实的 JSON（JSON Lines），或 .parquet",
            exists=True,
            dir_okay=False,
            allow_dash=True,
        ),
    ],
    on: Annotated[str, typer.Option("--on", help="判断日，如 2026-05-01；行里另有 on 的以行为准")],
    more: Annotated[list[Path] | None, typer.Argument(help="更多政策文件", exists=True, show_default=False)] = None,
    place: Annotated[int | None, typer.Option(help="区划代码；不写则为所给文件中最低一级的地区")] = None,
    scheme: Annotated[str | None, typer.Option(help="补贴种类；不写则为文件里唯一的一种，否则 training")] = None,
    phase: PhaseName = "claim",
    explained: Annotated[bool, typer.Option("--explain", help="附上给人看的说明")] = False,
) -> None:
    """对每一行事实作出判断，按 JSON Lines 输出；只用所给的政策文件。"""
    day, at = _day(on), _phase(phase)
    store = loaded(lambda: PolicyStore.load_paths([*policy, *(more or ())]))
    sets = {day: _policies(store, place, scheme, day)}
    wrong, read = 0, 0
    first: dict[str, int] = {}
    for number, name, given, problem in read_facts(facts):
        read += 1
        try:
            if problem:
                raise FactError(problem)
            if (before := first.setdefault(str(name), number)) != number:
                typer.echo(f"{facts}:{number}: 编号 {name!r} 与第 {before} 行相同，两行都已判断", err=True)
            _refuse_outer(given.pop(OUTER, None), sets[day].facts)
            own = _own_day(given.pop(ON, None), day)
            if own not in sets:
                sets[own] = _policies(store, place, scheme, own)
            policies = sets[own]
            policies.facts.refuse_quoted(given)
            decision = policies.decide(given, phase=at)
        except FactError as refused:
            wrong += 1
            typer.echo(f"{facts}:{number}: {refused}", err=True)
            continue
        row = line_row(name, decision)
        if explained:
            bounds = spread_of(policies, decision)
            row |= {"spread": asdict(bounds)} if bounds is not None else {}
            row["explain"] = explain(decision, policies.facts, bounds)
        typer.echo(json.dumps(row, ensure_ascii=False, default=str))
    if not read:
        typer.echo(f"{facts} 里没有一行事实", err=True)
    if wrong:
        typer.echo(f"有 {wrong} 行事实有误，没有判断", err=True)
        raise typer.Exit(1)


@app.command("explain")
def explain_line(
    facts_file: Annotated[Path, typer.Argument(help="一条事实的 JSON 文件", exists=True, dir_okay=False)],
    place: Annotated[int, typer.Option(help="行政区划代码，如 120000")],
    on: Day,
    scheme: Annotated[str, typer.Option(help="补贴种类")] = "training",
    phase: PhaseName = "claim",
    root: Root = DEFAULT_ROOT,
) -> None:
    """用政策库对一条事实作出判断，并逐条说明依据。"""
    policies = _policies(load(root), place, scheme, _day(on))
    try:
        given = json.loads(facts_file.read_text(encoding="utf-8"), parse_float=Decimal)
        decision = policies.decide(given, phase=_phase(phase))
    except json.JSONDecodeError as problem:
        typer.echo(f"{facts_file} 不是 JSON：{problem}", err=True)
        raise typer.Exit(1) from problem
    except FactError as problem:
        typer.echo(f"事实有误：{problem}", err=True)
        raise typer.Exit(1) from problem
    for line in explain(decision, policies.facts, spread_of(policies, decision)):
        typer.echo(line)


def read_facts(path: Path) -> Iterator[FactLine]:
    """The lines of a .parquet file (a column a fact, beside `id`), or of JSON Lines; `-` is standard input."""
    if path.suffix.lower() == ".parquet":
        try:
            held = duckdb.connect().execute("SELECT * FROM read_parquet(?)", [str(path)])
        except duckdb.Error as problem:
            yield 0, None, {}, f"不是 Parquet 文件：{in_words(problem)}"
            return
        names = [column[0] for column in held.description or ()]
        number = 0
        while rows := held.fetchmany(CHUNK):
            for row in rows:
                number += 1
                try:
                    yield _fact_line(number, {name: _plain(name, cell) for name, cell in zip(names, row, strict=True)})
                except FactError as problem:
                    yield number, number, {}, str(problem)
        return
    with typer.get_binary_stream("stdin") if str(path) == "-" else path.open("rb") as lines:
        yield from read_lines(lines)


def _plain(name: str, cell: object) -> object:
    """A cell as people mean it: tools that have no whole number or day beside an empty cell keep 30.0, NaN, midnight."""
    if isinstance(cell, float):
        return None if math.isnan(cell) else int(cell) if cell.is_integer() else cell
    if isinstance(cell, datetime) and cell.time() == time.min and cell.tzinfo is None:
        return cell.date()
    return read_fact_line(cell) if name == HISTORY and isinstance(cell, str) else cell


def read_lines(lines: Iterable[bytes]) -> Iterator[FactLine]:
    """Each line's number, id and facts; the last part says what is wrong with a line that holds none.

    A line is `{"id": …, "facts": {…}}`, or the facts themselves beside the id. Decimals stay exact.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            held = read_fact_line(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError:
            yield number, number, {}, "这一行不是 UTF-8 编码，请把文件另存为 UTF-8"
            continue
        except FactError as problem:
            yield number, number, {}, str(problem)
            continue
        if not isinstance(held, dict):
            yield number, number, {}, '一行要写一个 JSON 对象：{"id": …, "facts": {…}}'
            continue
        yield _fact_line(number, held)


def _fact_line(number: int, held: dict[str, Any]) -> FactLine:
    inner, name = held.get("facts"), held.get("id", number)
    if "facts" in held and not isinstance(inner, dict):
        return number, name, {}, 'facts 要写成一个对象：{"id": …, "facts": {"kind": …}}'
    outer = {key: value for key, value in held.items() if key not in ("id", "facts")}
    if inner is None:
        return number, name, outer, ""
    beside = [key for key in outer if key != ON]
    return number, name, {**inner, **({ON: held[ON]} if ON in held else {}), OUTER: beside}, ""


def _refuse_outer(beside: object, facts: FactSchema) -> None:
    """Raises FactError for a fact, or a choice of the command, written beside `facts`, where it would not be read."""
    for key in beside if isinstance(beside, list) else ():
        if key in facts.facts:
            raise FactError(f"{key!r} 是一个事实，写在 facts 里面才算")
        if key in CHOICES:
            raise FactError(f"{key!r} 不写在行里，写在命令里：--{key}")


def line_row(name: object, decision: Decision) -> dict[str, Any]:
    """A decision as the command prints it: outcome, fen, each rule with its clause, each step of the amount."""
    return {
        "id": name,
        "outcome": decision.outcome.value,
        "fen": decision.fen,
        "rules": [
            {
                "id": result.rule_id,
                "result": result.outcome.value,
                "clause": str(result.citation),
                "cite": result.citation.key,
            }
            | ({"missing": list(result.missing)} if result.missing else {})
            | ({"note": result.note} if result.note else {})
            for result in decision.results
        ],
        "steps": [
            {
                "label": step.label,
                "operation": step.operation,
                "fen": step.value_fen,
                "clause": str(step.citation),
                "cite": step.citation.key,
            }
            for step in decision.steps
        ],
        "policy": decision.policy_version,
    }


def _policies(store: PolicyStore, place: int | None, scheme: str | None, on: date) -> PolicySet:
    try:
        region = _place(store) if place is None else place
        made = store.for_place(region, scheme or _scheme(store), on)
    except PolicyError as problem:
        typer.echo(str(problem), err=True)
        raise typer.Exit(1) from problem
    if not made.documents:
        for_it = [one for one in store.documents if one.region in region_chain(region)]
        named = for_it or store.documents
        held = "；".join(f"{one.id}：{period(one) if for_it else one.region}" for one in named[:MOST_NAMED])
        what = f"{region} 在 {on} 没有施行中的文件" if for_it else f"所给文件都不用于 {region}"
        way = "请改 --on；已到期的，用接替它的文件，或核对 in_force 的 to" if for_it else "请改 --place"
        typer.echo(f"{what}（{held}）。{way}", err=True)
        raise typer.Exit(1)
    if not made.rules and not made.bound_amounts:
        typer.echo(f"在 {on} 施行的文件没有 {made.scheme} 的规则或金额；{_with_scheme(store, made)}", err=True)
        raise typer.Exit(1)
    return made


def _with_scheme(store: PolicyStore, made: PolicySet) -> str:
    """The texts that know the scheme on other days; where none does, the schemes that the texts know."""
    chain = region_chain(made.region_code)
    held = [one for one in store.documents if made.scheme in _schemes_of(one) and one.region in chain]
    if held:
        return f"有的是：{'；'.join(f'{one.id}（{period(one)}）' for one in held[:MOST_NAMED])}。请改 --on"
    return f"所给文件里有：{'、'.join(sorted(_schemes(store))) or '无'}"


def _place(store: PolicyStore) -> int:
    """The region of the lowest document; two lowest ones of different places leave it open."""
    regions = {document.region for document in store.documents}
    lowest = {one for one in regions if not any(one != other and one in region_chain(other) for other in regions)}
    if not lowest:
        raise PolicyError("没有找到政策文件（文件夹里找 .yaml）")
    if len(lowest) != 1:
        raise PolicyError(f"所给文件属于 {len(lowest)} 个地区，请用 --place 写明区划代码")
    return lowest.pop()


def _scheme(store: PolicyStore) -> str:
    """The only scheme the documents are about, else training."""
    schemes = _schemes(store)
    return schemes.pop() if len(schemes) == 1 else "training"


def _schemes(store: PolicyStore) -> set[str]:
    return {scheme for document in store.documents for scheme in _schemes_of(document)}


def _schemes_of(document: Document) -> set[str]:
    rules = {scheme for rule in document.rules for scheme in rule.schemes}
    return rules | {amount.scheme for amount in document.amounts}


def _own_day(written: object, day: date) -> date:
    """The day a line names as its own, else the command's."""
    if written is None or isinstance(written, date):
        return written or day
    try:
        return date.fromisoformat(str(written))
    except ValueError as problem:
        raise FactError(f"on 要写日期，如 2026-05-01，写的是 {written!r}") from problem


def _day(on: str) -> date:
    try:
        return date.fromisoformat(on)
    except ValueError as problem:
        typer.echo(f"--on 要写日期，如 2026-05-01，写的是 {on!r}", err=True)
        raise typer.Exit(2) from problem


def _phase(phase: str) -> Phase:
    if phase not in PHASES:
        typer.echo(f"--phase：没有 {phase!r} 这个阶段{nearest(phase, PHASES)}", err=True)
        raise typer.Exit(2)
    return cast("Phase", phase)
