"""How often one account or one partner may ask: token buckets in memory, one set a process.

They keep one asker from taking the queue from the others. Guessing of codes is counted in the database instead
(sql/verify_vouchers.sql), where restarts and other processes do not forget it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from zhaoliang.kernel.errors import Refusal

KEPT = 50_000


@dataclass(eq=False)
class TooOften(Refusal):
    """Too many requests of one asker; `retry_after` in seconds."""

    retry_after: int = 1
    code: ClassVar[str] = "too_often"
    status: ClassVar[int] = 429
    decided: ClassVar[bool] = False


class Buckets:
    """`burst` requests at once and `rate` a second for each asker; the least recent askers are forgotten."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self.rate, self.burst = rate, burst
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, asker: str, now: float) -> None:
        """Count one request at `now` (seconds of a steady clock). Raises TooOften."""
        left, seen = self._held.pop(asker, (self.burst, now))
        left = min(self.burst, left + (now - seen) * self.rate)
        if left < 1:
            self._held[asker] = (left, now)
            wait = max(1, round((1 - left) / self.rate + 0.5))
            raise TooOften(
                "没有执行：请求太频繁。", "同一账号短时间内请求过多。", f"请 {wait} 秒后再试。", retry_after=wait
            )
        self._held[asker] = (left - 1, now)
        if len(self._held) > KEPT:
            self._held.popitem(last=False)
