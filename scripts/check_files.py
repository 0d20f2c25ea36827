"""Refuse what must never be committed: registry hosts, paths of one machine, and modules too long to read.

The names are put together from parts here, so that this file may itself be committed.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HOSTS = [
    ("pypi", "org"),
    ("pythonhosted", "org"),
    ("npmjs", "org"),
    ("npmjs", "com"),
    ("yarnpkg", "com"),
    ("npmmirror", "com"),
    ("mirrors.aliyun", "com"),
    ("mirrors.cloud.tencent", "com"),
    ("repo.huaweicloud", "com"),
    ("tuna.tsinghua", "edu.cn"),
    ("mirrors.ustc", "edu.cn"),
]
MACHINE_FOLDERS = ["work", "root", "home/[a-z]+", "Users/[A-Za-z]+", "opt/wheels"]
HOST = re.compile("|".join(rf"\b{re.escape(name)}\.{re.escape(end)}" for name, end in HOSTS), re.IGNORECASE)
MACHINE_PATH = re.compile(rf"(?<![\w./}}>-])/(?:{'|'.join(MACHINE_FOLDERS)})(?![\w-])")
MODULE_LINES = 600
TEST_LINES = 1000


def text_problems(name: str, text: str) -> Iterator[str]:
    """Yield what is wrong with the text of one committed file."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := HOST.search(line):
            yield f"{name}:{number}: names a package registry ({found[0]})"
        if found := MACHINE_PATH.search(line):
            yield f"{name}:{number}: names a folder of one machine ({found[0]})"
    limit = TEST_LINES if name.startswith("tests/") else MODULE_LINES
    if name.endswith(".py") and "/migrations/" not in name and (length := text.count("\n")) > limit:
        yield f"{name}: {length} lines; split it (limit {limit})"


def committed() -> list[str]:
    """Return the names of the files that git keeps, or would keep."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=True,
    ).stdout.decode()
    return sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file())


def main() -> int:
    problems: list[str] = []
    for name in committed():
        content = (ROOT / name).read_bytes()
        if b"\0" not in content[:8000]:
            problems += text_problems(name, content.decode("utf-8", "replace"))
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
