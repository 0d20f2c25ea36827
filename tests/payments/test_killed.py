"""A desk killed anywhere leaves a whole batch, and whoever goes on pays each line once (trust figure 12)."""

from __future__ import annotations

import os
import pickle
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from django.db import connection
from django.db.models import Count, Sum

from factories.payments import pays_from
from factories.subsidies import CITY, FULL_FEN, Case, approved, case
from seeds import fresh_seed, size
from zhaoliang.funds.selectors import transfers_of
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.recoveries.proof import prove
from zhaoliang.subsidies.models import ClaimLine

pytestmark = [pytest.mark.commits, pytest.mark.sized, pytest.mark.mission("G3")]

LINES = 3
# What a batch's lines say while it stands at a state.
STANDING = {
    "building": {"waiting"},
    "sealed": {"waiting"},
    "authorised": {"waiting"},
    "sent": {"sent"},
    "unknown": {"sent"},
    "answered": {"sent", "paid"},
    "settled": {"paid"},
}


class Desk:
    """The desk's process."""

    def __init__(self, database_url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("desk_to_kill.py"))],
            env={**os.environ, "DATABASE_URL": database_url, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Nothing is held back in this process, where `select` would not see it.
            bufsize=0,
        )

    def work(self, case_file: Path, letter_box: Path, seconds: float | None) -> bool:
        """Let it work; kill it after so many seconds. Whether it came to the end by itself."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{case_file}\t{letter_box}\n".encode())
        child = int(self.process.stdout.readline())
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            # It may have come to its end in this very moment.
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        status = int(self.process.stdout.readline().removeprefix(b"ended "))
        assert status in (0, signal.SIGKILL), f"the desk failed with {status}"
        return status == 0


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    desk = Desk(database_url)
    yield desk
    desk.process.communicate(timeout=30)
    assert desk.process.returncode == 0


def check(letter_box: Path) -> None:
    """Nothing half done stands in the database, and the bank was given nothing twice."""
    # The killed desk's connection may be at its last statement still.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    for batch in PaymentBatch.objects.filter(city_code=CITY):
        lines = PaymentLine.objects.filter(city_code=CITY, batch=batch)
        states = set(lines.values_list("state", flat=True))
        assert states <= STANDING[batch.state], (batch.state, states)
        assert lines.aggregate(n=Count("id"), fen=Sum("amount_fen")) == {"n": LINES, "fen": LINES * FULL_FEN}
        if batch.state in ("building", "sealed"):
            assert not (letter_box / str(batch.pk)).exists()
    assert [file.name for file in letter_box.iterdir() if ".again." in file.name] == [], "the bank got a file twice"


def prepared(folder: Path) -> tuple[Case, Path, Path]:
    """A case to pay, in a file, and the bank's letter box for it."""
    made = case(LINES)
    approved(made)
    pays_from(made.place, made.training_class.project.fund_source)
    letter_box = folder / f"bank-{made.training_class.pk}"
    letter_box.mkdir()
    case_file = folder / f"case-{made.training_class.pk}"
    case_file.write_bytes(pickle.dumps(made))
    return made, case_file, letter_box


@pytest.mark.timeout(7200)
def test_a_desk_killed_anywhere_leaves_whole_batches_and_pays_once(
    desk: Desk, tmp_path: Path, measured: Callable[[str, str], None]
) -> None:
    chance = random.Random(fresh_seed())
    kills, cases, wanted = 0, 0, size(ci=3, nightly=1_000)
    # How long the whole takes here and now, so that a kill falls anywhere in it on any machine.
    _, case_file, letter_box = prepared(tmp_path)
    began = time.monotonic()
    assert desk.work(case_file, letter_box, None)
    whole = time.monotonic() - began
    while kills < wanted:
        made, case_file, letter_box = prepared(tmp_path)
        cases += 1
        done = False
        while not done:
            done = desk.work(case_file, letter_box, chance.uniform(0, whole) if kills < wanted else None)
            kills += not done
            check(letter_box)
        paid = ClaimLine.objects.filter(city_code=CITY, enrolment__in=made.enrolments, state="paid")
        assert paid.count() == LINES
        for line in paid:
            assert [t.amount_fen for t in transfers_of(CITY, "claim_line", line.pk) if t.kind == "pay"] == [FULL_FEN]
    assert prove(CITY).findings == ()
    measured("12", f"{kills} kills at {cases} desks: no batch half there, every line paid once")
