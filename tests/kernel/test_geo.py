"""Datums of Chinese maps: known pairs, there and back, nothing shifted abroad."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zhaoliang.kernel import geo

pytestmark = pytest.mark.mission("D4")

# 天安门 as coordtransform 0.2.1 (an independent implementation) gives it.
HERE, GCJ, BD = (116.404, 39.915), (116.41024449916938, 39.91640428150164), (116.41662724378733, 39.922699552216216)


def test_known_places() -> None:
    assert geo.wgs84_to_gcj02(*HERE) == pytest.approx(GCJ, abs=1e-9)
    assert geo.wgs84_to_bd09(*HERE) == pytest.approx(BD, abs=1e-9)
    assert 554 < geo.distance_m(*HERE, *GCJ) < 556


@given(longitude=st.floats(73.6, 135), latitude=st.floats(18, 53.5))
def test_there_and_back_is_within_a_metre(longitude: float, latitude: float) -> None:
    for datum, there in (("gcj02", geo.wgs84_to_gcj02), ("bd09", geo.wgs84_to_bd09)):
        back = geo.to_wgs84(*there(longitude, latitude), datum)
        assert geo.distance_m(longitude, latitude, *back) < 1


def test_abroad_nothing_is_shifted_and_unknown_datums_are_refused() -> None:
    assert geo.wgs84_to_gcj02(2.35, 48.85) == (2.35, 48.85)
    assert geo.to_wgs84(2.35, 48.85, "wgs84") == (2.35, 48.85)
    with pytest.raises(ValueError, match="datum"):
        geo.to_wgs84(1, 2, "cgcs")  # pyright: ignore[reportArgumentType]
