"""`zhaoliang keys`: bring stored personal data under the active encryption key; print the public signing keys."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from zhaoliang.cli.environment import database, fail, setup_django

app = typer.Typer(help="密钥", no_args_is_help=True)


@app.command()
def rotate() -> None:
    """把旧密钥加密的证件号、电话、账号等改用现行密钥加密；可以重复执行。"""
    with database():
        from zhaoliang.kernel.crypto import KeyProblem, Tampered
        from zhaoliang.kernel.db.migrate import as_owner
        from zhaoliang.kernel.rotation import rotate_all

        try:
            with as_owner():
                for done in rotate_all():
                    typer.echo(f"{done.table}.{done.column}：{done.seen} 个值，{done.changed} 个改用现行密钥")
        except (KeyProblem, Tampered) as problem:
            fail(f"停在这里，没有丢失任何内容：{problem}")


@app.command()
def sign_with(
    algorithm: Annotated[str, typer.Argument(help="ed25519 或 sm2")] = "ed25519",
) -> None:
    """换一把新的签名密钥；旧的只留公钥，已签的证书和券码继续有效。换后重启各进程，再把公钥发给离线核验的单位。"""
    setup_django()
    from django.conf import settings

    from zhaoliang.kernel.crypto import KeyProblem, change_signing_key

    try:
        key_id = change_signing_key(settings.VAR, algorithm)
    except KeyProblem as problem:
        fail(f"没有更换：{problem}")
    typer.echo(f"新的签名密钥是 {key_id}。请重启网页和快速通道。")


@app.command()
def public() -> None:
    """打印验签用的公钥（JWK），供离线核验证书和培训券。"""
    setup_django()
    from zhaoliang.kernel.crypto import public_keys

    typer.echo(json.dumps({"keys": public_keys()}, ensure_ascii=False, indent=2))
