"""The activity page: open to everybody while the batch gives vouchers, with what is left and a code to pass on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.test import Client

from factories import vouchers

pytestmark = [pytest.mark.django_db, pytest.mark.mission("C2", "N1")]


def test_it_shows_what_is_left_and_is_gone_when_the_batch_stops(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: vouchers.AT))
    batch, targeted = vouchers.batch(quota=3), vouchers.batch(issue="targeted")
    vouchers.voucher(batch)
    text = client.get(f"/activity/{batch.city_code}/{batch.pk}/").content.decode()
    assert "<b>2</b> 张，共 3 张" in text
    assert f"/my/find/{batch.city_code}/{batch.pk}/" in text
    assert "<svg" in text
    assert client.get(f"/activity/{targeted.city_code}/{targeted.pk}/").status_code == 404
