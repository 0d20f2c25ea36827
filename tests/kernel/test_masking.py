"""What is shown in public hides enough, and sort keys order Chinese text the dictionary way."""

import pytest

from zhaoliang.kernel.masking import mask_card, mask_id, mask_name, mask_phone
from zhaoliang.kernel.pinyin import pinyin_key


@pytest.mark.mission("B1", "F4")
def test_masks() -> None:
    assert mask_id("370900199001011234") == "370***********1234"
    assert mask_id("H12345678") == "H******78"
    assert [mask_name(name) for name in ("甲某", "甲某子", "阿依某·买某某", "甲", "")] == [
        "甲*",
        "甲**",
        "阿**",
        "甲",
        "",
    ]
    assert mask_phone("19900001234") == "199****1234"
    assert mask_card("6299990000000001234") == "**** 1234"


@pytest.mark.parametrize("short", ["1", "1234", "123456"])
def test_short_numbers_are_hidden_whole(short: str) -> None:
    assert set(mask_id(short)) == set(mask_phone(short)) == {"*"}
    assert mask_card(short) == "****"


def test_sort_keys() -> None:
    cities = ["重庆市", "泰安市", "北京市", "六安市", "安庆市", "绿洲", "路南"]
    assert sorted(cities, key=pinyin_key) == ["安庆市", "北京市", "重庆市", "六安市", "路南", "绿洲", "泰安市"]
    assert pinyin_key(" Ａ座 ") == "a zuo4"
