"""The review draws in public: a commitment before the first draw, and after the month everything to draw again from."""

from __future__ import annotations

import hashlib
import html
import json
import re
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from typer.testing import CliRunner

from factories.subsidies import ASSESSED, CITY, case, confirmed
from zhaoliang.cli.main import app
from zhaoliang.funds.selectors import cities_with_books
from zhaoliang.subsidies import draws, tasks
from zhaoliang.subsidies.models import ClaimLine, ReviewSeed

pytestmark = [pytest.mark.django_db, pytest.mark.mission("F4")]

MONTH = f"{ASSESSED:%Y-%m}"
LATER = ASSESSED + timedelta(days=31)


@pytest.fixture
def site(client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Any:
    """The public site at a moment: the text of a page, or the published file."""
    settings.REVIEW_SAMPLE_PERMILLE = 300

    def get(name: str, at: Any, **query: str) -> Any:
        monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: at))
        answer = client.get(reverse(f"portal:{name}"), {"region": str(CITY), **query})
        assert answer.status_code == 200
        return answer.json() if name == "draws_json" else html.unescape(answer.content.decode())

    return get


def test_anybody_draws_again_from_the_published_text_alone(site: Any, tmp_path: Path) -> None:
    claim = confirmed(case(7))
    running = site("draws_json", ASSESSED, month=MONTH)
    page = site("draws", ASSESSED)
    seed = ReviewSeed.objects.get(city_code=CITY)
    assert seed.commitment in page
    for text in (page, json.dumps(running)):
        assert seed.secret not in text
    assert running["seed"] is None
    assert "lines" not in running["draws"][0]
    assert site("draws_json", LATER)["months"][0] == {"month": MONTH, "seed_published": True}
    over = site("draws_json", LATER, month=MONTH)
    assert over["seed"] in site("draws", LATER)
    # What was published while the month ran still stands.
    assert (over["commitment"], over["draws"][0]["lines_sha256"]) == (
        running["commitment"],
        running["draws"][0]["lines_sha256"],
    )

    # By the four published steps, with nothing of ours.
    def sha(text: str) -> bytes:
        return hashlib.sha256(text.encode()).digest()

    assert sha(over["seed"]).hex() == over["commitment"]
    (one,) = over["draws"]
    assert sha(f"{over['seed']}:{','.join(one['lines'])}").hex() == one["lines_sha256"]
    # Whoever guessed the list while the month ran could not have known that he was right.
    assert sha(",".join(one["lines"])).hex() != running["draws"][0]["lines_sha256"]
    assert over["format"] == "zhaoliang-draws-2"
    ranked = sorted(one["lines"], key=lambda line: sha(f"{over['seed']}:{one['claim']}:{line}"))
    k = -(-len(one["lines"]) * one["permille"] // 1000)
    assert (len(one["lines"]), k) == (7, 3)
    assert set(ranked[:k]) == set(one["looked_at"])
    sampled = ClaimLine.objects.filter(city_code=CITY, claim=claim, sampled=True)
    assert {int(line) for line in one["looked_at"]} == set(sampled.values_list("id", flat=True))
    # The same by the program, which needs no database, and which finds what was tampered with.
    file = tmp_path / "draws.json"
    file.write_text(json.dumps(over), encoding="utf-8")
    told = CliRunner().invoke(app, ["draws", "check", str(file)])
    assert (told.exit_code, "1 次抽取都相符" in told.output) == (0, True)
    file.write_text(json.dumps(over | {"draws": [one | {"lines": one["lines"][::-1]}]}), encoding="utf-8")
    assert "明细清单与摘要不符" in CliRunner().invoke(app, ["draws", "check", str(file)]).output
    one["looked_at"] = one["looked_at"][1:]
    file.write_text(json.dumps(over | {"commitment": running["commitment"][::-1]}), encoding="utf-8")
    told = CliRunner().invoke(app, ["draws", "check", str(file)])
    assert told.exit_code == 1
    assert "种子与承诺不符" in told.output
    assert re.search(r"抽中而没有人工核对的明细 \d+。", told.output)
    file.write_text(json.dumps(running), encoding="utf-8")
    assert CliRunner().invoke(app, ["draws", "check", str(file)]).exit_code != 0


def test_the_commitment_stands_before_anything_is_drawn(site: Any) -> None:
    case(1)
    assert "还没有抽查" in site("draws", ASSESSED)
    assert CITY in cities_with_books()
    for _ in range(2):
        tasks.commit_seeds(int(ASSESSED.timestamp()))
    (month,) = draws.months(CITY, ASSESSED)
    assert (month.over, month.secret, month.draws) == (False, "", 0)
    assert month.seed.commitment in site("draws", ASSESSED)
