"""`zhaoliang up` and `zhaoliang demo`: start everything, serve, and stop everything again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer

from zhaoliang.cli import gate
from zhaoliang.cli.environment import database, embedded, fail
from zhaoliang.cli.guardian import stop_groups

HOST = "127.0.0.1"
WORKERS, THREADS = 2, 8
# A long job must not hold up the clocks.
JOBS_AT_ONCE = 4
READY_SECONDS = 60.0

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="网页端口")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(demo)


def up(port: Port = 8000) -> None:
    """启动数据库、网页和后台任务，直到 Ctrl-C。"""
    require_free(port)
    with database():
        _migrate()
        serve(port, lambda: typer.echo(f"照亮已就绪：http://{HOST}:{port}/   （Ctrl-C 停止）"))


def demo(
    port: Port = 8000,
    once: Annotated[bool, typer.Option("--once", help="只走一遍主流程并打印结果，不开网页")] = False,
) -> None:
    """演示：从需求到补贴到账走完一遍，然后开网页。"""
    os.environ["ZHAOLIANG_DEMO"] = "1"
    if not once:
        require_free(port)
    with database():
        _migrate()
        from datetime import UTC, datetime

        from zhaoliang.cli.trace import rendered
        from zhaoliang.demo import chain_table, play, sign_ins
        from zhaoliang.payments.trace import cent_trace

        played = play(at=datetime.now(UTC), echo=typer.echo)
        for row in ["", *chain_table(played.training_class), "", "一分钱的来路：", *rendered(cent_trace(played.line))]:
            typer.echo(row)
        if not once:
            serve(port, lambda: typer.echo(sign_ins(base_url=f"http://{HOST}:{port}")))


def _migrate() -> None:
    from zhaoliang.kernel.db.grants import GrantsError
    from zhaoliang.kernel.db.migrate import TablesInUse, migrate, schema_is_current

    try:
        current = schema_is_current()
        if not current:
            typer.echo("正在准备数据库……")
        migrate(steps=not current)
    except GrantsError as error:
        fail(f"权限无法设置：{error}")
    except TablesInUse as refusal:
        fail(str(refusal))


def require_free(port: int) -> None:
    """End the program with what to do when another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            fail(f"端口 {port} 不能用（{error.strerror}）。请关闭占用它的程序，或换一个端口，例如 PORT={port + 1}。")


def serve(port: int, ready: Callable[[], None]) -> None:
    """Run the web server, the job worker and the gate until Ctrl-C, SIGTERM or the end of one of the first two.

    `ready` is called once pages are served. The gate is started again when it ends: the pages do the same without it. Should
    this process be killed, a guardian stops the rest.
    """
    from django.conf import settings

    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "zhaoliang.settings", "ZHAOLIANG_DB_POOL": "1"}
    gate_port = gate.port_beside(port)
    environment["ZHAOLIANG_GATE_PORT"] = str(gate_port)
    pages = ",".join(f"http://{name}:{port}" for name in (HOST, "localhost"))
    web = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)]
    web += ["--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--log-level", "error"]
    web += ["zhaoliang.wsgi:application"]
    worker = [sys.executable, "-m", "django", "procrastinate", "worker", "--concurrency", str(JOBS_AT_ONCE)]
    stopping = _StopRequested()
    logs = settings.VAR / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    worker_log = (logs / "worker.log").open("ab")
    gate_log = (logs / "gate.log").open("ab")
    # Sessions of their own: a Ctrl-C in the terminal reaches only us, and we stop them in order.
    children = {
        "网页": subprocess.Popen(web, env=environment, start_new_session=True),
        "后台任务": subprocess.Popen(
            worker,
            env={**environment, "ZHAOLIANG_DB_POOL": "0"},
            start_new_session=True,
            stdout=worker_log,
            stderr=worker_log,
        ),
        gate.NAME: subprocess.Popen(
            [sys.executable, "-m", "zhaoliang.cli.gatekeeper", str(gate_port)],
            env={"ZHAOLIANG_GATE_ORIGINS": pages, **gate.environment()},
            start_new_session=True,
            stdout=gate_log,
            stderr=gate_log,
        ),
    }
    server = embedded()
    guardian = subprocess.Popen(
        [
            *(sys.executable, "-m", "zhaoliang.cli.guardian", str(server.requested) if server else "-"),
            *(str(child.pid) for child in children.values()),
        ],
        stdin=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        ended = _wait(children, stopping, port, ready)
    finally:
        stop_groups([child.pid for child in children.values()], poll=lambda: [c.poll() for c in children.values()])
        for child in children.values():
            child.wait()
        guardian.kill()
        guardian.wait()
        worker_log.close()
        gate_log.close()
    if ended:
        fail(f"{ended}意外停止，其余部分也已停止。请看上面的信息。")


class _StopRequested:
    """True once Ctrl-C or SIGTERM arrived."""

    def __init__(self) -> None:
        self.now = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.now = True

    def __bool__(self) -> bool:
        return self.now


def _wait(
    children: dict[str, subprocess.Popen[bytes]], stopping: _StopRequested, port: int, ready: Callable[[], None]
) -> str | None:
    """Wait for a request to stop (None) or for a child to end (its name)."""
    announced = False
    deadline = time.monotonic() + READY_SECONDS
    while not stopping:
        for name, child in children.items():
            # The pages do what the gate does, only slower.
            if child.poll() is not None and name != gate.NAME:
                return name
        if not announced and _serves(port):
            announced = True
            ready()
        elif not announced and time.monotonic() > deadline:
            return "网页"
        time.sleep(0.2 if announced else 0.05)
    return None


def _serves(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
