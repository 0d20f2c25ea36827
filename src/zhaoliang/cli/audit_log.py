"""`zhaoliang audit-log`: seal the audit events into the hash chain, prove the chain, print its heads."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from zhaoliang.cli.environment import database

app = typer.Typer(help="审计日志：封存、核验、打印链首", no_args_is_help=True)


@app.command()
def seal() -> None:
    """封存还没有封存的事件。"""
    with database():
        from django.utils import timezone

        from zhaoliang.kernel import audit

        for city_code in audit.cities():
            for block in audit.seal(city_code=city_code, at=timezone.now()):
                typer.echo(
                    f"{city_code} 第 {block.number} 块，{len(block.event_ids)} 个事件，{bytes(block.hash).hex()}"
                )


@app.command()
def verify(as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False) -> None:
    """核验每个城市的链；有人在背后改动过，就指出位置并以 1 退出。"""
    with database():
        from zhaoliang.kernel import audit

        cities = audit.cities()
        findings = [finding for city_code in cities for finding in audit.verify(city_code=city_code)]
        heads = audit.heads()
        waiting = sum(audit.unsealed(city_code=city_code) for city_code in cities)
    if as_json:
        rows = [{"city": f.city_code, "block": f.block_number, "event": f.event_id, "what": f.what} for f in findings]
        chains = [{"city": head.city_code, "block": head.number, "hash": bytes(head.hash).hex()} for head in heads]
        typer.echo(json.dumps({"intact": not findings, "findings": rows, "heads": chains}, ensure_ascii=False))
    else:
        for finding in findings:
            place = f"第 {finding.block_number} 块" + (f"，事件 {finding.event_id}" if finding.event_id else "")
            typer.echo(f"✗ {finding.city_code} {place}：{finding.what}")
        for head in heads:
            typer.echo(f"{head.city_code} 链首：第 {head.number} 块 {bytes(head.hash).hex()}")
        if waiting:
            typer.echo(f"另有 {waiting} 个事件还没有封存（zhaoliang audit-log seal）。")
        typer.echo(f"发现 {len(findings)} 处改动。" if findings else "链完整，没有发现改动。")
    if findings:
        raise typer.Exit(1)
