"""What the embedded server takes on machines of other sizes."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhaoliang.kernel.db import memory


def test_a_container_counts_what_it_may_use_and_not_what_the_machine_has(tmp_path: Path) -> None:
    limit, other = tmp_path / "memory.max", tmp_path / "none"
    machine = memory.memory_mb((other,))
    limit.write_text("268435456\n")
    assert memory.memory_mb((other, limit)) == 256
    limit.write_text("max\n")
    assert memory.memory_mb((limit,)) == machine


@pytest.mark.parametrize(
    ("machine", "durable", "buffers"),
    [(512, True, 128), (2_048, True, 256), (65_536, True, 4_096), (65_536, False, 1_024), (1_024, False, 128)],
)
def test_buffers_are_a_part_of_the_memory(machine: int, durable: bool, buffers: int) -> None:
    assert memory.buffers_mb(machine, durable=durable) == buffers


@pytest.mark.parametrize("machine", [512, 2_048, 8_192, 24_000, 262_144])
def test_what_working_connections_keep_together_is_a_quarter_of_the_machine_at_most(machine: int) -> None:
    kept = int(memory.malloc(machine, durable=True).rpartition("=")[2])
    assert 0 < kept <= 128 * memory.MB
    assert kept * memory.WORKING <= machine * memory.MB // 4


def test_tests_give_back_what_they_no_longer_use() -> None:
    assert memory.malloc(65_536, durable=False) == "glibc.malloc.hugetlb=1"


def test_parallel_joins_do_not_need_a_large_shm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.shared_memory(tmp_path / "none") == []
    monkeypatch.setattr(memory, "SHARED_MB", 2**40)
    assert memory.shared_memory(tmp_path) == ["dynamic_shared_memory_type=mmap"]
