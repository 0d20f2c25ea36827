"""Which clean lines of a claim a person looks at all the same: drawn by a seed that was committed to before.

The draw is a few lines of arithmetic that anybody can do again once the month's seed is published (`drawn`): the lines of
a claim in the order of SHA-256 of `seed:claim:line`, the first `k` of them, k being the share of the clean lines, rounded up.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime

from django.conf import settings

from zhaoliang.kernel.days import chinese_day
from zhaoliang.subsidies.models import Claim, ReviewSeed

QUESTION = "随机抽中，请人工核对"


def drawn(seed: str, claim_id: int, line_ids: Collection[int], permille: int) -> list[int]:
    """The lines that a seed draws from these lines of a claim, `permille` of a thousand of them, rounded up."""
    ranked = sorted(line_ids, key=lambda line: hashlib.sha256(f"{seed}:{claim_id}:{line}".encode()).digest())
    return ranked[: -(-len(ranked) * permille // 1000)]


def month_of(at: datetime) -> str:
    """The month a draw belongs to: `2026-07`, by the Chinese day."""
    return f"{chinese_day(at):%Y-%m}"


def seed_of_month(city_code: int, at: datetime) -> ReviewSeed:
    """The seed of a city's month, made and committed to where it is not there yet (inside an act)."""
    commit_to(city_code, month_of(at), at)
    return ReviewSeed.objects.get(city_code=city_code, month=month_of(at))


def commit_to(city_code: int, month: str, at: datetime) -> None:
    """Make the seed of a month unless there is one (inside an act)."""
    secret = secrets.token_hex(32)
    ReviewSeed.objects.bulk_create(
        [
            ReviewSeed(
                city_code=city_code,
                month=month,
                secret=secret,
                commitment=hashlib.sha256(secret.encode()).hexdigest(),
                made_at=at,
            )
        ],
        ignore_conflicts=True,
    )


def draw(claim: Claim, clean: list[int], at: datetime) -> list[int]:
    """Those of the clean lines of a claim (by their ids) that a person must look at; notes on the claim by which seed and share."""
    permille = settings.REVIEW_SAMPLE_PERMILLE
    if not clean or not permille:
        return []
    seed = seed_of_month(claim.city_code, at)
    claim.review_seed, claim.sample_permille = seed, permille
    claim.sample_from = clean
    claim.save(update_fields=["review_seed", "sample_permille", "sample_from"])
    return sorted(drawn(seed.secret, claim.pk, clean, permille))


def is_over(seed: ReviewSeed, at: datetime) -> bool:
    """Whether the month of a seed is over, so that nobody can use it any more to know what will be drawn."""
    return seed.month < month_of(at)
