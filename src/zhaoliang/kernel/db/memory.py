"""How much of the machine's memory the embedded server takes: by what it may have, which in a container is less than there is."""

from __future__ import annotations

import os
from pathlib import Path

MB = 2**20
# Connections that do something large in a day: those of the pages' processes, the gate and the workers. The others stay small.
WORKING = 48
CGROUPS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
SHARED = Path("/dev/shm")
# What parallel joins of a large audit may ask of it at once; containers give 64 MB where nobody said otherwise.
SHARED_MB = 1024


def memory_mb(limits: tuple[Path, ...] = CGROUPS) -> int:
    """Megabytes that this machine has, or that its container may use."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in limits:
        try:
            said = limit.read_text("ascii").strip()
        except OSError:
            continue
        if said.isdecimal():
            found.append(int(said))
    return min(found) // MB


def buffers_mb(memory: int, *, durable: bool) -> int:
    """Shared buffers: an eighth of the memory up to 4,096 MB, for tests a sixteenth up to 1,024.

    A city's audit writes while it reads: where its tables do not fit in, it puts out its own pages again and again.
    """
    return min(max(memory // 8, 128), 4096) if durable else min(max(memory // 16, 128), 1024)


def malloc(memory: int, *, durable: bool) -> str:
    """How the server's processes take memory, for glibc; others do not look at it.

    A large join jumps about in its hash tables: with large pages (where the system gives them on request) it finds its way
    quicker. What one range of an audit used is kept for the next instead of given back and cleared anew: up to 128 MB a
    connection, and no more than a quarter of the memory for as many as work; nothing in tests, whose connections are many.
    """
    wanted = {"hugetlb": 1}
    kept = min(memory // (4 * WORKING), 128) * MB
    if durable and kept:
        wanted |= {"mmap_threshold": kept // 4, "trim_threshold": kept}
    return ":".join(f"glibc.malloc.{name}={value}" for name, value in wanted.items())


def shared_memory(folder: Path = SHARED) -> list[str]:
    """The setting for what parallel workers share: files of the database where the system's place for it is small."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return []
    return ["dynamic_shared_memory_type=mmap"] if found.f_frsize * found.f_blocks < SHARED_MB * MB else []
