"""A payment desk in a process of its own, to be killed anywhere: `python desk_to_kill.py`, told what to do line by line.

Each line of standard input names a pickled case and a folder, the bank's letter box. A child pays the case's lines to the end, as
people do who find the desk as it was left; the child's number is printed when it begins, `ended` when it is gone. Only one child
works at a time.
"""

from __future__ import annotations

import os
import pickle
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from factories.subsidies import Case
    from zhaoliang.payments.models import PaymentBatch


def pay(made: Case, letter_box: Path) -> None:
    """Build, seal, authorise, send, hand the file over, import the answer: go on wherever the desk stands, until all is paid."""
    from factories.payments import built
    from factories.subsidies import APPROVED, CITY
    from zhaoliang.demo.bank import answer_file
    from zhaoliang.kernel.roles import system_actor
    from zhaoliang.payments import services
    from zhaoliang.payments.excel import bank_file
    from zhaoliang.payments.models import PaymentBatch
    from zhaoliang.subsidies.models import ClaimLine

    def handed_over(batch: PaymentBatch) -> bool:
        return (letter_box / str(batch.pk)).exists()

    def hand_over(batch: PaymentBatch) -> None:
        # The bank takes a file whole or not at all, and keeps each one that it was given, so that a second one is noticed.
        draft = letter_box / f"{batch.pk}.{os.getpid()}.draft"
        draft.write_bytes(bank_file(batch))
        arrived = letter_box / str(batch.pk)
        draft.rename(letter_box / f"{batch.pk}.again.{os.getpid()}" if arrived.exists() else arrived)

    found_sent = True
    while ClaimLine.objects.filter(city_code=CITY, state__in=("approved", "in_batch")).exists():
        batch = PaymentBatch.objects.filter(city_code=CITY).exclude(state__in=("settled", "dissolved")).first()
        if batch is None:
            built(made)
        elif batch.state == "building":
            services.seal_batch(actor=made.officer, at=APPROVED, batch=batch)
        elif batch.state == "sealed":
            services.authorise_batch(actor=made.finance, at=APPROVED, batch=batch)
        elif batch.state == "authorised":
            batch = services.send_batch(actor=made.officer, at=APPROVED, batch=batch)
            found_sent = False
            hand_over(batch)
        elif batch.state == "unknown":
            told = services.confirm_sent if handed_over(batch) else services.confirm_not_sent
            told(actor=made.officer, at=APPROVED, batch=batch)
            found_sent = False
        elif batch.state == "sent" and (found_sent or not handed_over(batch)):
            # Whether the file left before the desk died is the bank's to say.
            services.mark_unknown(actor=made.officer, at=APPROVED, batch=batch)
        else:
            content = answer_file((letter_box / str(batch.pk)).read_bytes())
            services.import_return(actor=system_actor(), at=APPROVED, batch=batch, file_name="a.xlsx", content=content)


def say(text: str) -> None:
    """A line of standard output, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    """Fork a desk for each line."""
    import django

    django.setup()
    for line in sys.stdin:
        case, letter_box = map(Path, line.rstrip("\n").split("\t"))
        child = os.fork()
        if child == 0:
            pay(pickle.loads(case.read_bytes()), letter_box)
            os._exit(0)
        say(str(child))
        _, status = os.waitpid(child, 0)
        say(f"ended {status}")


if __name__ == "__main__":
    main()
