"""`zhaoliang attendance`: how well doubtful sign-ins are told from honest ones, on a labelled set."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from zhaoliang.cli.environment import setup_django

if TYPE_CHECKING:
    from zhaoliang.attendance.attackset import Measure

app = typer.Typer(help="签到：可疑签到的识别", no_args_is_help=True)
# The bars of trust figure 28, of a thousand.
CAUGHT, FALSE_ALARMS = 950, 10


@app.callback()
def main() -> None:
    """签到：可疑签到的识别。"""


@app.command(name="attack-set")
def attack_set(
    seed: Annotated[int, typer.Option("--seed", help="随机数种子；小于 2000 的用来定过分值")] = 2001,
    runs: Annotated[int, typer.Option("--runs", help="从这个种子起连做几套", min=1)] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """造一套带标签的签到（攻击和老实的），用平台核对签到的同一段程序计分，看抓到多少、错怪多少；每套和合计都要达标。"""
    setup_django()
    from zhaoliang.attendance.attackset import ATTACKS, Measure, measure
    from zhaoliang.attendance.weights import WEIGHTS

    seeds = range(seed, seed + runs)
    outcomes = [measure(number) for number in seeds]
    kinds = {
        kind: Measure(kind, sum(one.count for one in found), sum(one.raised for one in found))
        for kind in ATTACKS
        for found in [[one for outcome in outcomes for one in outcome.attacks if one.kind == kind]]
    }
    attacks = Measure("attacks", sum(o.attack.count for o in outcomes), sum(o.attack.raised for o in outcomes))
    honest = Measure("honest", sum(o.honest.count for o in outcomes), sum(o.honest.raised for o in outcomes))
    if as_json:
        said = {
            "seed": seed,
            "runs": runs,
            "weights": WEIGHTS.version,
            "measures": [_row(one) for one in (*kinds.values(), attacks, honest)],
            "seeds": {number: [_row(o.attack), _row(o.honest)] for number, o in zip(seeds, outcomes, strict=True)},
        }
        typer.echo(json.dumps(said, ensure_ascii=False))
    else:
        typer.echo(f"种子 {seed}，{runs} 套，计分版本 {WEIGHTS.version}")
        for kind, one in kinds.items():
            typer.echo(f"  抓到 {one.percent}  {one.raised}/{one.count}  {ATTACKS[kind]}")
        for number, one in zip(seeds, outcomes, strict=True):
            caught, blamed = one.attack, one.honest
            typer.echo(
                f"种子 {number}：抓到 {caught.percent}（{caught.raised}/{caught.count}），"
                f"错怪 {blamed.percent}（{blamed.raised}/{blamed.count}）"
            )
        typer.echo(f"攻击签到抓到 {attacks.percent}（{attacks.raised}/{attacks.count}，要求 95 % 以上）")
        typer.echo(f"老实签到错怪 {honest.percent}（{honest.raised}/{honest.count}，要求 1 % 以下）")
    pairs = [(attacks, honest), *((one.attack, one.honest) for one in outcomes)]
    if any(caught.permille < CAUGHT or blamed.raised * 1000 > FALSE_ALARMS * blamed.count for caught, blamed in pairs):
        raise typer.Exit(1)


def _row(one: Measure) -> dict[str, str | int]:
    return {"kind": one.kind, "count": one.count, "raised": one.raised}
