"""The reference tables: complete, consistent, loaded once and repaired when changed."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from zhaoliang.registry.models import Occupation, OccupationGroup, Region, RegionAlias
from zhaoliang.registry.reference import DATA, current_region, load_reference_data


def rows(name: str) -> list[dict[str, str]]:
    with (Path(DATA) / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


REGIONS = {int(row["code"]): row for row in rows("regions.csv")}
OCCUPATIONS = {row["code"]: row for row in rows("occupations.csv")}


def test_counts_of_the_published_tables() -> None:
    assert Counter(row["level"] for row in REGIONS.values()) == {"0": 1, "1": 34, "2": 333, "3": 2845}
    assert len(OCCUPATIONS) == len(rows("occupations.csv")) == 1632
    assert sum(row["green"] == "1" for row in OCCUPATIONS.values()) == 134
    assert sum(row["digital"] == "1" for row in OCCUPATIONS.values()) == 95


def test_the_region_tree_holds_together() -> None:
    for code, row in REGIONS.items():
        if row["level"] == "0":
            continue
        parent = REGIONS[int(row["parent_code"])]
        assert int(parent["level"]) < int(row["level"])
        assert row["level"] == "1" or code // 10000 == int(row["parent_code"]) // 10000
        assert int(row["city_code"]) in (code, int(row["parent_code"]))
        assert REGIONS[int(row["city_code"])]["city_code"] == row["city_code"]


@pytest.mark.parametrize(
    ("code", "name", "city_code"),
    [
        (370900, "泰安市", 370900),
        (370902, "泰山区", 370900),
        (370000, "山东省", 370000),
        (120116, "滨海新区", 120000),
        (500157, "两江新区", 500000),
        (320900, "盐城市", 320900),
        (659012, "白杨市", 659012),
        (419001, "济源市", 419001),
        (653229, "和安县", 653200),
        (653228, "和康县", 653200),
        (540481, "米林市", 540400),
        (441900, "东莞市", 441900),
        (710000, "台湾省", 710000),
        (810000, "香港特别行政区", 810000),
        (100000, "全国", 100000),
    ],
)
def test_regions_by_code(code: int, name: str, city_code: int) -> None:
    assert (REGIONS[code]["name"], int(REGIONS[code]["city_code"])) == (name, city_code)


def test_cities_without_districts_have_no_third_level() -> None:
    parents = {row["parent_code"] for row in REGIONS.values()}
    without = {code for code, row in REGIONS.items() if row["level"] == "2" and str(code) not in parents}
    assert without == {441900, 442000, 460400, 620200}


def test_old_codes_lead_to_regions_of_today() -> None:
    found = {int(row["old_code"]): int(row["new_code"]) for row in rows("region_aliases.csv")}
    assert not found.keys() & REGIONS.keys()
    assert set(found.values()) <= REGIONS.keys()
    expected = {500105: 500157, 500112: 500157, 460321: 460302, 460322: 460303, 120107: 120116, 371202: 370116}
    assert expected.items() <= found.items()
    places = {REGIONS[new]["name"] for new in found.values()}
    assert {"米林市", "错那市", "章丘区", "即墨区"} <= places


def test_every_occupation_has_its_groups() -> None:
    groups = {row["code"]: row for row in rows("occupation_groups.csv")}
    assert Counter(row["level"] for row in groups.values())["1"] == 8
    for code, row in OCCUPATIONS.items():
        assert code.startswith(row["group_code"])
        assert groups[row["group_code"]]["level"] in ("2", "3")
        assert groups[row["major_code"]]["level"] == "1"
        assert not row["name"].endswith(("L", "S"))
    for code, row in groups.items():
        assert row["parent_code"] == code.rpartition("-")[0]
        assert not row["parent_code"] or row["parent_code"] in groups


@pytest.mark.parametrize(
    ("code", "name", "green", "digital"),
    [
        ("6-31-01-03", "电工", False, False),
        ("6-18-02-04", "焊工", False, False),
        ("4-10-01-05", "养老护理员", False, False),
        ("4-04-05-05", "人工智能训练师", False, True),
        ("6-31-07-03", "工业机器人系统操作员", False, True),
        ("5-02-03-01", "护林员", True, False),
    ],
)
def test_occupations_by_code(code: str, name: str, green: bool, digital: bool) -> None:
    row = OCCUPATIONS[code]
    assert (row["name"], row["green"] == "1", row["digital"] == "1") == (name, green, digital)


@pytest.mark.django_db
def test_loading_again_writes_nothing_and_repairs_what_was_changed() -> None:
    load_reference_data()
    assert [table.written for table in load_reference_data()] == [0, 0, 0, 0]
    assert Region.objects.count() == len(REGIONS)
    assert Occupation.objects.count() == 1632
    assert OccupationGroup.objects.count() == len(rows("occupation_groups.csv"))
    assert RegionAlias.objects.count() == len(rows("region_aliases.csv"))
    Region.objects.filter(code=370900).update(name="泰安")
    Occupation.objects.filter(code="6-31-01-03").update(name="机械设备检修工")
    assert [table.written for table in load_reference_data()] == [1, 0, 0, 1]
    assert Region.objects.get(code=370900).name == "泰安市"


@pytest.mark.django_db
def test_codes_on_old_identity_cards_are_placed_where_they_lie_today() -> None:
    load_reference_data()
    place = current_region(500112)
    assert place is not None
    assert (place.code, place.city_code) == (500157, 500000)
    assert current_region(370902).name == "泰山区"
    assert current_region(999999) is None
