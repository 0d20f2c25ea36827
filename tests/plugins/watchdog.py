"""Remove a throw-away cluster when its test run ends in whatever way: run with the cluster's folder, waits for EOF.

The run holds the other end of our standard input; the system closes it also when the run is killed.
"""

import sys
from pathlib import Path

from zhaoliang.kernel.db.embedded import EmbeddedServer

if __name__ == "__main__":
    sys.stdin.read()
    EmbeddedServer(Path(sys.argv[1])).destroy()
