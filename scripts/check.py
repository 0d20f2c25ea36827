"""`make check`: every static check, all of them run beside each other, one line each, and what the failing ones said."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
# As many at once as there are processors: the longest first.
CHECKS: list[tuple[str, list[str]]] = [
    ("types", [PYTHON, "-m", "pyright"]),
    ("ruff", [PYTHON, "-m", "ruff", "check", "."]),
    ("ruff format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
    ("committed files", [PYTHON, "scripts/check_files.py"]),
    ("taboos", [PYTHON, "scripts/check_taboos.py"]),
    ("import contracts", [PYTHON, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]),
    ("templates", [PYTHON, "-m", "djlint", "--lint", "--quiet", "--profile", "django", "src/zhaoliang/web"]),
    ("migrations complete", [PYTHON, "-m", "django", "makemigrations", "--check", "--dry-run"]),
    ("django", [PYTHON, "-m", "django", "check", "--fail-level", "WARNING"]),
    ("policies", [PYTHON, "-m", "zhaoliang", "policy", "check"]),
]


def main(names: list[str]) -> int:
    """Run the named checks, or all; return 1 when one fails."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "zhaoliang.settings",
        # The role of the running system is made by the first migration.
        "ZHAOLIANG_DB_ROLE": "owner",
        # makemigrations asks the database for its history and warns when none runs, which is no fault here.
        "PYTHONWARNINGS": "ignore::RuntimeWarning",
        "PYRIGHT_PYTHON_IGNORE_WARNINGS": "1",
    }
    failed = []
    wanted = [(name, command) for name, command in CHECKS if not names or name in names]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(_run, command, environment): name for name, command in wanted}
        for done in as_completed(running):
            (code, said, seconds), name = done.result(), running[done]
            print(f"{name} … {'FAILED' if code else 'ok'} ({seconds:.1f} s)", flush=True)
            if code:
                failed.append(name)
                print(said)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


def _run(command: list[str], environment: dict[str, str]) -> tuple[int, str, float]:
    """Run one check; return its exit code, what it said, how many seconds it took."""
    began = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, (done.stdout + done.stderr).strip(), time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
