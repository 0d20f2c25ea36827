"""Run the same thing in many threads on the real database, all let loose at once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connection


@dataclass
class Outcome:
    """What came back: the answers, and the exceptions, in no particular order."""

    answers: list[Any] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def kinds(self) -> Counter[str]:
        """How many errors of each class there were."""
        return Counter(type(error).__name__ for error in self.errors)


def at_once(calls: Iterable[Callable[[], Any]], *, threads: int = 24) -> Outcome:
    """Call everything, `threads` at a time, beginning together; each thread has a connection of its own, and closes it."""
    waiting = list(calls)
    outcome, lock = Outcome(), threading.Lock()
    start = threading.Barrier(min(threads, len(waiting)))

    def work() -> None:
        try:
            connection.ensure_connection()
            start.wait()
            while True:
                with lock:
                    if not waiting:
                        return
                    call = waiting.pop()
                try:
                    answer = call()
                except BaseException as error:
                    with lock:
                        outcome.errors.append(error)
                else:
                    with lock:
                        outcome.answers.append(answer)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(start.parties)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return outcome
