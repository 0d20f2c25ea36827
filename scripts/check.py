"""`make check`: every static check, all of them run, one line each, and what the failing ones said."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
CHECKS: list[tuple[str, list[str]]] = [
    ("ruff", [PYTHON, "-m", "ruff", "check", "."]),
    ("ruff format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
    ("committed files", [PYTHON, "scripts/check_files.py"]),
    ("taboos", [PYTHON, "scripts/check_taboos.py"]),
    ("import contracts", [PYTHON, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]),
    ("templates", [PYTHON, "-m", "djlint", "--lint", "--quiet", "--profile", "django", "src/zhaoliang/web"]),
    ("migrations complete", [PYTHON, "-m", "django", "makemigrations", "--check", "--dry-run"]),
    ("django", [PYTHON, "-m", "django", "check", "--fail-level", "WARNING"]),
    ("policies", [PYTHON, "-m", "zhaoliang", "policy", "check"]),
    ("types", [PYTHON, "-m", "pyright"]),
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
    for name, command in CHECKS:
        if names and name not in names:
            continue
        began = time.monotonic()
        print(f"{name} …", end=" ", flush=True)
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        print(f"{'ok' if done.returncode == 0 else 'FAILED'} ({time.monotonic() - began:.1f} s)", flush=True)
        if done.returncode:
            failed.append(name)
            print((done.stdout + done.stderr).strip())
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
