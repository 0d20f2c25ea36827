"""`zhaoliang db …`, `zhaoliang migrate` and `zhaoliang check`."""

from typing import Annotated

import typer

from zhaoliang.cli.environment import database, embedded, fail, setup_django

db = typer.Typer(help="自带的数据库：启动、停止、状态、地址", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(db, name="db")
    app.command()(migrate)
    app.command()(check)


@db.command()
def start() -> None:
    """启动自带的数据库，一直运行到 `zhaoliang db stop`（已在运行则不变）。"""
    from zhaoliang.kernel.db.binaries import DatabaseUnavailable

    setup_django()
    server = embedded() or fail("已设置 DATABASE_URL，由您自己的服务器负责。")
    try:
        started = server.keep()
    except DatabaseUnavailable as error:
        fail(f"数据库无法启动：{error}")
    typer.echo(f"{'已启动' if started else '已在运行'}：{server.data_folder()}")


@db.command()
def stop() -> None:
    """停止自带的数据库。"""
    setup_django()
    server = embedded() or fail("已设置 DATABASE_URL，由您自己的服务器负责。")
    server.stop()
    typer.echo("已停止。")


@db.command()
def status() -> None:
    """数据库是否可用；不可用时退出码为 1。"""
    setup_django()
    server = embedded()
    if server is None:
        with database():
            typer.echo("DATABASE_URL 可用。")
    elif server.answers():
        typer.echo(f"运行中：{server.data_folder()}")
    else:
        fail("没有运行。启动：zhaoliang db start")


@db.command()
def url(show_password: Annotated[bool, typer.Option("--show-password", help="连同口令显示")] = False) -> None:
    """数据库地址（口令默认不显示）。"""
    from django.conf import settings

    from zhaoliang.kernel.db.config import database_url, without_password

    setup_django()
    address = database_url(settings.VAR)
    typer.echo(address if show_password else without_password(address))


def migrate() -> None:
    """把数据库升级到当前结构，并更新运行账户的权限。"""
    from zhaoliang.kernel.db.grants import GrantsError
    from zhaoliang.kernel.db.migrate import TablesInUse
    from zhaoliang.kernel.db.migrate import migrate as run

    with database():
        try:
            run(verbosity=1)
        except GrantsError as error:
            fail(f"权限无法设置：{error}")
        except TablesInUse as refusal:
            fail(str(refusal))


def check() -> None:
    """检查配置、数据库和结构是否就绪；有问题时退出码为 1。"""
    from django.core.management import call_command
    from django.core.management.base import SystemCheckError

    from zhaoliang.kernel.db.migrate import unapplied

    with database():
        try:
            call_command("check")
        except SystemCheckError as error:
            fail(str(error))
        if missing := unapplied():
            fail(f"数据库结构不是最新的，缺 {len(missing)} 项（{missing[0]} 等）。运行：zhaoliang migrate")
    typer.echo("就绪。")
