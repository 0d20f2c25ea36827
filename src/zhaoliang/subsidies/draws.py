"""The monthly review draws as they are published: the commitment while the month runs, everything to draw again after it.

A published month is one JSON document. Nothing in it names a person: lines are numbers. `check` draws again from such a
document alone, without the database; anybody can do the same in any language by `ALGORITHM`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, QuerySet

from zhaoliang.subsidies.models import Claim, ClaimLine, ReviewSeed
from zhaoliang.subsidies.sampling import drawn, is_over

# Version 1 hashed the lists without the seed: of a short list anybody could have guessed the lines while the month ran.
FORMAT = "zhaoliang-draws-2"
ALGORITHM = (
    "1. SHA-256(seed) 等于 commitment，seed 按 UTF-8 文本计算。"
    "2. 每个 draw：把 lines 用英文逗号连接成“清单”，SHA-256(“seed:清单”) 等于 lines_sha256。"
    "3. 对每个明细编号 line 计算 SHA-256(“seed:claim:line”)，按结果的字节从小到大排列 lines。"
    "4. 取前 k 个，k = lines 的个数 × permille ÷ 1000，有余数进一；取出的每一个都应当在 looked_at 里。"
)


@dataclass(frozen=True)
class Month:
    """A city's month of draws: how many claims were drawn from, how many lines stood to be drawn."""

    seed: ReviewSeed
    over: bool
    draws: int

    @property
    def secret(self) -> str:
        """The seed itself; "" while the month runs."""
        return self.seed.secret if self.over else ""


def months(city_code: int, at: datetime) -> list[Month]:
    """The months of a city, the latest first."""
    rows = ReviewSeed.objects.filter(city_code=city_code).annotate(draws=Count("claims")).order_by("-month")
    return [Month(seed, is_over(seed, at), seed.draws) for seed in rows]


def month(city_code: int, name: str) -> ReviewSeed | None:
    """The seed of a month such as 2026-07, or None when nothing was drawn or committed to in it."""
    return ReviewSeed.objects.filter(city_code=city_code, month=name).first()


def published(seed: ReviewSeed, at: datetime) -> dict[str, Any]:
    """A month as a JSON document. While it runs the seed, the lines and who was looked at are left out."""
    over = is_over(seed, at)
    claims = Claim.objects.filter(city_code=seed.city_code, review_seed=seed).order_by("id")
    looked_at = _looked_at(seed, claims) if over else {}
    return {
        "format": FORMAT,
        "algorithm": ALGORITHM,
        "city": str(seed.city_code),
        "month": seed.month,
        "committed_at": seed.made_at.isoformat(),
        "commitment": seed.commitment,
        "seed": seed.secret if over else None,
        "draws": [
            {
                "claim": str(claim.pk),
                "permille": claim.sample_permille,
                "of": len(lines),
                "lines_sha256": lines_digest(seed.secret, lines),
            }
            | ({"lines": lines, "looked_at": looked_at.get(claim.pk, [])} if over else {})
            for claim in claims.iterator(chunk_size=200)
            for lines in [[str(line) for line in claim.sample_from]]
        ],
    }


def lines_digest(seed: str, lines: list[str]) -> str:
    """What the list of lines is committed to by: hexadecimal SHA-256 of the seed, a colon, the numbers with commas between.

    Without the seed, which is not out while the month runs, no list can be tried against it.
    """
    return hashlib.sha256(f"{seed}:{','.join(lines)}".encode()).hexdigest()


def check(document: dict[str, Any]) -> list[str]:
    """What is wrong with a published month, in words; empty when drawing again gives what was looked at. Needs no database.

    Raises ValueError for a document that is none or whose month is not over.
    """
    if document.get("format") != FORMAT:
        raise ValueError("这不是公开的抽查文件。")
    seed = document["seed"]
    if seed is None:
        raise ValueError("这个月还没有结束，种子还没有公布，只能看承诺。")
    wrong = []
    if hashlib.sha256(seed.encode()).hexdigest() != document["commitment"]:
        wrong.append("种子与承诺不符。")
    for one in document["draws"]:
        lines, claim = one["lines"], one["claim"]
        if lines_digest(seed, lines) != one["lines_sha256"]:
            wrong.append(f"申领 {claim}：明细清单与摘要不符。")
        missed = set(drawn(seed, int(claim), [int(line) for line in lines], one["permille"]))
        missed -= {int(line) for line in one["looked_at"]}
        if missed:
            wrong.append(f"申领 {claim}：抽中而没有人工核对的明细 {'、'.join(map(str, sorted(missed)))}。")
    return wrong


def _looked_at(seed: ReviewSeed, claims: QuerySet[Claim]) -> dict[int, list[str]]:
    """By claim: the lines that were drawn and given to a person."""
    found: dict[int, list[str]] = {}
    rows = ClaimLine.objects.filter(city_code=seed.city_code, claim__in=claims.values("pk"), sampled=True)
    for claim, line in rows.order_by("id").values_list("claim_id", "id"):
        found.setdefault(claim, []).append(str(line))
    return found
