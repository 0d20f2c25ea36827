"""Starting and stopping: the port, the order, and what a killed starter leaves."""

import os
import signal
import socket
import subprocess
import sys

import pytest
import typer

from zhaoliang.cli.guardian import stop_groups
from zhaoliang.cli.serve import HOST, require_free


def test_a_taken_port_is_named_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(typer.Exit) as refusal:
            require_free(port)
    assert refusal.value.exit_code == 1
    said = capsys.readouterr().err
    assert f"端口 {port}" in said
    assert f"PORT={port + 1}" in said
    require_free(port)


def stubborn(ignore: bool) -> subprocess.Popen[bytes]:
    """A child in a session of its own, perhaps deaf to SIGTERM."""
    deaf = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" if ignore else ""
    code = f"import signal\n{deaf}\nprint(flush=True)\nsignal.pause()"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    return child


def test_groups_are_asked_and_then_killed() -> None:
    children = [stubborn(ignore=False), stubborn(ignore=True)]
    stop_groups([child.pid for child in children], 0.3, poll=lambda: [child.poll() for child in children])
    assert [child.wait(timeout=10) for child in children] == [-signal.SIGTERM, -signal.SIGKILL]


def test_the_guardian_stops_what_a_killed_starter_left() -> None:
    child = stubborn(ignore=False)
    guardian = subprocess.Popen(
        [sys.executable, "-m", "zhaoliang.cli.guardian", "-", str(child.pid)],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert child.poll() is None
    assert guardian.stdin is not None
    # The system closes this end also when the starter is killed.
    guardian.stdin.close()
    assert child.wait(timeout=30) == -signal.SIGTERM
    assert guardian.wait(timeout=30) == 0
