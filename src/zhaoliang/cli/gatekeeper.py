"""Keep the gate running: `python -m zhaoliang.cli.gatekeeper PORT`. Started by `zhaoliang up` and `demo`.

The gate is in this process's group, so that whoever stops the group stops both.
"""

import signal
import subprocess
import sys
import time
from types import FrameType

from zhaoliang.cli.gate import command, environment

PAUSE_SECONDS = 2.0


def main(port: int) -> None:
    """Start the gate, and again whenever it ends, until SIGTERM."""
    stopping = False

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        child.send_signal(signal.SIGTERM)

    while not stopping:
        child = subprocess.Popen(command(port), env=environment())
        signal.signal(signal.SIGTERM, stop)
        child.wait()
        if not stopping:
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
