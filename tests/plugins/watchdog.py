"""Remove a throw-away cluster when its test run ends in whatever way: run with the cluster's folder, waits for EOF.

The run holds the other end of our standard input; the system closes it also when the run is killed.
"""

import shutil
import sys
from pathlib import Path

from zhaoliang.kernel.db.embedded import EmbeddedServer


def forget_world(lock: Path, files: Path) -> None:
    """Remove what a run's played demo left beside the cluster."""
    lock.unlink(missing_ok=True)
    shutil.rmtree(files, ignore_errors=True)


if __name__ == "__main__":
    sys.stdin.read()
    EmbeddedServer(Path(sys.argv[1])).destroy()
    forget_world(Path(f"{sys.argv[1]}.lock"), Path(f"{sys.argv[1]}.world"))
