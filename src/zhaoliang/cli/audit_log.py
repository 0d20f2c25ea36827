"""`zhaoliang audit-log`: seal the audit events into the hash chain, prove the chain, print its heads."""

from __future__ import annotations

import json

import typer
from django.utils import timezone

app = typer.Typer(help="审计日志：封存、核验、打印链首", no_args_is_help=True)


@app.command()
def seal() -> None:
    """Seal every city's new events into blocks."""
    from zhaoliang.kernel import audit

    for city_code in audit.cities():
        for block in audit.seal(city_code=city_code, at=timezone.now()):
            typer.echo(f"{city_code} 第 {block.number} 块，{len(block.event_ids)} 个事件，{bytes(block.hash).hex()}")


@app.command()
def verify(as_json: bool = typer.Option(False, "--json", help="输出 JSON")) -> None:
    """Prove each city's chain; exit code 1 and the exact place when something was changed behind our back."""
    from zhaoliang.kernel import audit

    cities = audit.cities()
    findings = [finding for city_code in cities for finding in audit.verify(city_code=city_code)]
    heads = audit.heads()
    if as_json:
        rows = [
            {"city": f.city_code, "block": f.block_number, "event": f.event_id, "what": f.what} for f in findings
        ]
        heads_json = [{"city": head.city_code, "block": head.number, "hash": bytes(head.hash).hex()} for head in heads]
        typer.echo(json.dumps({"intact": not findings, "findings": rows, "heads": heads_json}, ensure_ascii=False))
    else:
        for finding in findings:
            place = f"第 {finding.block_number} 块" + (f"，事件 {finding.event_id}" if finding.event_id else "")
            typer.echo(f"✗ {finding.city_code} {place}：{finding.what}")
        for head in heads:
            typer.echo(f"{head.city_code} 链首：第 {head.number} 块 {bytes(head.hash).hex()}")
        waiting = sum(audit.unsealed(city_code=city_code) for city_code in cities)
        if waiting:
            typer.echo(f"另有 {waiting} 个事件还没有封存（zhaoliang audit-log seal）。")
        typer.echo("链完整，没有发现改动。" if not findings else f"发现 {len(findings)} 处改动。")
    if findings:
        raise typer.Exit(1)
