"""What the two commands do before they hand over, without a network."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.test_checks import script

bootstrap = script("bootstrap")


def test_a_failing_program_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "VAR", str(tmp_path))
    code = "import sys; print('what went wrong'); sys.exit(3)"
    with pytest.raises(bootstrap.Stop, match="what went wrong"):
        bootstrap.run("试验", [sys.executable, "-c", code])


def test_a_stamp_is_whole_or_absent(tmp_path: Path) -> None:
    stamp = tmp_path / "stamp.json"
    assert bootstrap.read_stamp(str(stamp)) == {}
    stamp.write_text('{"half', encoding="utf-8")
    assert bootstrap.read_stamp(str(stamp)) == {}
    bootstrap.write_stamp(str(stamp), {"dev": "x"})
    assert json.loads(stamp.read_text(encoding="utf-8")) == {"dev": "x"}
    assert list(tmp_path.iterdir()) == [stamp]


def test_requirements_are_installed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path))
    monkeypatch.setattr(bootstrap, "run", lambda label, command, **options: ran.append(label))
    bootstrap.ensure_requirements("dev")
    bootstrap.ensure_requirements("dev")
    bootstrap.ensure_requirements("base")
    assert len(ran) == 1


def test_a_broken_environment_is_made_anew(tmp_path: Path) -> None:
    assert not bootstrap.usable(str(tmp_path / "bin" / "python"))
    assert bootstrap.usable(sys.executable)


def test_an_unknown_step_says_what_there_is() -> None:
    done = subprocess.run([sys.executable, bootstrap.__file__, "nonsense"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make demo" in done.stderr


def test_make_finds_everything_from_any_folder(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHON": sys.executable}
    root = str(Path(bootstrap.__file__).parents[1])
    done = subprocess.run(
        ["make", "-C", root, "help"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    assert "make test" in done.stdout
