"""Stop what a killed `zhaoliang` left running: `python -m zhaoliang.cli.guardian DATA GROUP…`.

Waits on its standard input, which the system closes when the starter dies in whatever way. `DATA` is the embedded
server's folder, or `-`.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 10.0


def stop_groups(
    groups: Sequence[int], grace_seconds: float = GRACE_SECONDS, poll: Callable[[], object] = lambda: None
) -> None:
    """Ask process groups to end, and after the grace kill what is left of them.

    `poll` collects ended children, which otherwise would seem to live on; give it where the groups are our children.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        for group in groups:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(group, number)
        deadline = time.monotonic() + grace_seconds
        while time.monotonic() < deadline:
            poll()
            if not any(_exists(group) for group in groups):
                return
            time.sleep(0.05)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def main(data: str, groups: Sequence[int]) -> None:
    """Wait for the starter's end, then clean up after it."""
    # A Ctrl-C in the terminal is the starter's business.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.read()
    stop_groups(groups)
    if data != "-":
        from zhaoliang.kernel.db.embedded import EmbeddedServer

        EmbeddedServer(Path(data)).stop_if_unused()


if __name__ == "__main__":
    main(sys.argv[1], [int(group) for group in sys.argv[2:]])
