"""`zhaoliang voucher verify`: what a code or QR is worth; `--offline` with nothing but the published public keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from zhaoliang.cli.environment import database, fail
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.signatures import KeyProblem, PublicKeys
from zhaoliang.vouchers import qr

app = typer.Typer(help="培训券", no_args_is_help=True)

ONLINE_ONLY = "是否已经使用、退回、核销，二维码有没有在别处出示过，只有联网才查得到。"


@app.callback()
def group() -> None:
    """Keeps `verify` a subcommand while it is the only one."""


@app.command()
def verify(
    code: Annotated[str, typer.Argument(help="券码，或二维码里的内容")],
    offline: Annotated[bool, typer.Option("--offline", help="不联网、不用数据库，只凭公钥核验签名")] = False,
    key: Annotated[
        str, typer.Option(help="公钥文件（zhaoliang keys public 的输出，或网站 /keys.json），也可直接写 JSON")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON")] = False,
) -> None:
    """查验一张培训券。结果为 genuine、good、verified 时退出码是 0，否则是 1。"""
    if offline:
        answer, says = _offline(code, key)
    else:
        answer, says = _online(code)
    _end(answer, says, as_json=as_json)


def _end(answer: str, says: str, *, as_json: bool) -> NoReturn:
    typer.echo(json.dumps({"answer": answer, "says": says}, ensure_ascii=False) if as_json else f"{answer}：{says}")
    raise typer.Exit(0 if answer in {"genuine", "good", "verified"} else 1)


def _offline(text: str, key: str) -> tuple[str, str]:
    if not qr.is_qr(text):
        try:
            code = parse_code(text)
        except InvalidIdentifier as problem:
            return "malformed", str(problem)
        return "unsigned", f"{code.display} 的写法正确，但手输的券码没有签名，离线不能辨真伪。请扫二维码，或联网查验。"
    try:
        keys = PublicKeys.from_jwks(_key_text(key))
    except (KeyProblem, OSError) as problem:
        fail(f"公钥不能用（{problem}）。请用 --key 指向“zhaoliang keys public”的输出。")
    try:
        reading = qr.read(text, datetime.now(UTC), verify=keys.verify)
    except qr.QrProblem as problem:
        return problem.answer, problem.what
    moment = format_cn_time(datetime.fromtimestamp(reading.moment, tz=UTC))
    kind = f"屏幕二维码，{moment} 出示" if reading.kind == qr.SCREEN else f"纸质二维码，有效到 {moment}"
    return "genuine", f"{parse_code(reading.code).display} 确由密钥 {reading.key_id} 签发（{kind}）。{ONLINE_ONLY}"


def _key_text(key: str) -> str:
    if not key:
        fail("离线查验要有公钥：请写 --key 公钥文件。")
    return key if key.lstrip().startswith(("{", "[")) else Path(key).read_text(encoding="utf-8")


def _online(text: str) -> tuple[str, str]:
    with database():
        from zhaoliang.kernel.roles import Place, system_actor
        from zhaoliang.vouchers.services import verify_voucher
        from zhaoliang.vouchers.services.checks import read_given

        at = datetime.now(UTC)
        given = read_given(text, at)
        if given.asked is None:
            return str(given.known), given.problem
        city = int(given.asked[:6])
        found = verify_voucher(
            actor=system_actor("命令行"), at=at, place=Place(city, city), code=text, organisation=None, method="public"
        )
        return found.answer, found.says
