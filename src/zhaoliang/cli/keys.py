"""`zhaoliang keys`: bring stored personal data under the active encryption key; print the public signing keys."""

from __future__ import annotations

import json

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
def public() -> None:
    """打印验签用的公钥（JWK），供离线核验证书和培训券。"""
    setup_django()
    from zhaoliang.kernel.crypto import public_keys

    typer.echo(json.dumps(public_keys(), ensure_ascii=False, indent=2))
