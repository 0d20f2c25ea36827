"""The days of the demo chain: a real spring of 2026, so that working days and holidays are the official ones."""

from datetime import date

DEMAND = date(2026, 1, 7)
CATALOGUE = date(2026, 1, 9)
PROJECT = date(2026, 1, 13)
BUDGET = date(2026, 1, 14)
BATCH = date(2026, 1, 15)
CLAIM = date(2026, 1, 19)
FILING = date(2026, 2, 9)
ACCEPTED = date(2026, 2, 11)
START = date(2026, 3, 2)
TEACHING_DAYS = 15
END = date(2026, 3, 20)
EXAM = date(2026, 3, 24)
RESULTS = date(2026, 3, 26)
CERTIFICATES = date(2026, 3, 30)
ASSEMBLED = date(2026, 3, 31)
FIRST_REVIEW = date(2026, 4, 1)
SECOND_REVIEW = date(2026, 4, 2)
# 清明 falls into the five working days of publicity.
APPROVED = date(2026, 4, 13)
PAID = date(2026, 4, 14)
ANSWERED = date(2026, 4, 15)
PAID_AGAIN = date(2026, 4, 16)
ANSWERED_AGAIN = date(2026, 4, 17)
JOB = date(2026, 5, 6)
# After payment: a certificate turns out wrong, and the subsidy is given back in parts.
SUSPENDED = date(2026, 5, 18)
REVOKED = date(2026, 5, 25)
REPLIED = date(2026, 6, 1)
AGREED = date(2026, 6, 3)
FIRST_PART = date(2026, 6, 10)
