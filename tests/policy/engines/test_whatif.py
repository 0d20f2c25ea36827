"""What-if on files: the same figures from each engine and each kind of file, each line by the texts of its own day."""

from __future__ import annotations

import json
from datetime import date, timedelta
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from policy.engines.lines import Lines as Made
from policy.texts import ROOT, STORE
from seeds import fresh_seed
from zhaoliang.cli.policy import app
from zhaoliang.policy import FactError, Outcome, PolicyStore
from zhaoliang.policy.lines import Lines
from zhaoliang.policy.sql.terms import Binder
from zhaoliang.policy.whatif import ENGINES, Comparison, EngineName, compare, segments_of

TIANJIN, KEY = 120000, "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
CHANGES = (
    ("says: 个人出勤率下限, value: 0.80", "says: 个人出勤率下限, value: 0.90"),
    ("says: 其他人员每年可享受次数, value: 2", "says: 其他人员每年可享受次数, value: 1"),
    ("says: 线上线下相结合的计发比例, value: 0.70", "says: 线上线下相结合的计发比例, value: 0.80"),
)


def draft() -> PolicyStore:
    text = (ROOT / KEY).read_text(encoding="utf-8")
    for old, new in CHANGES:
        assert text.count(old) == 1
        text = text.replace(old, new)
    return PolicyStore.load(ROOT, {KEY: text.encode()})


AFTER = draft()


def rows(count: int = 150) -> list[dict[str, Any]]:
    """Lines of three years, a third of them without trouble, with exact fractions."""
    policies = STORE.for_place(TIANJIN, "training", date(2024, 6, 1))
    bound = Binder().bind(policies, "claim")
    made = Made(policies, bound, sorted(bound.facts()), fresh_seed()).make(count)
    document = next(one for one in policies.documents if KEY.startswith(one.id))
    good = next(
        one.given
        for one in document.scenarios
        if (one.scheme, one.phase, one.expect.get("outcome")) == ("training", "claim", "pass")
    )
    for number, line in enumerate(made):
        if number % 3 == 0:
            hours = Fraction(line["planned_hours"] or 80) * Fraction(number % 25 + 76, 100)
            line |= policies.known(good) | {"attended_hours": hours}
            line["trainings_paid_this_year"] = number % 2
        line["class_start"] = date(2023, 1, 1) + timedelta(days=number * 4)
        line |= {"id": f"第{number}笔", "region": str(120101 + number % 3)}
    return made


def figures(result: Comparison) -> dict[str, Any]:
    return result.to_json()


@pytest.mark.mission("F7")
def test_every_engine_adds_up_the_same_and_as_line_by_line() -> None:
    lines = rows()
    found: dict[EngineName, Comparison] = {}
    for engine in ENGINES:
        held = Lines.from_facts(lines, STORE.facts_for(TIANJIN))
        found[engine] = compare(
            held, STORE, AFTER, place=TIANJIN, scheme="training", by=["group", "region"], top=5, engine=engine
        )
    assert figures(found["duckdb"]) == figures(found["polars"]) == figures(found["python"])
    result = found["duckdb"]
    total, fen, refused = result.total, [0, 0], 0
    for line in lines:
        facts = {name: value for name, value in line.items() if name not in ("id", "region")}
        sides = [store.for_place(TIANJIN, "training", line["class_start"]).decide(facts) for store in (STORE, AFTER)]
        fen = [
            held + (one.fen or 0 if one.outcome is not Outcome.CANNOT_TELL else 0)
            for held, one in zip(fen, sides, strict=True)
        ]
        refused += sides[0].outcome is not Outcome.FAIL and sides[1].outcome is Outcome.FAIL
    assert [total.before.fen, total.after.fen] == fen
    assert total.newly_refused == refused > 0
    assert total.lines == total.winners + total.losers + total.unchanged + total.untold == len(lines)
    assert sum(one.lines for one in result.groups["region"].values()) == total.lines
    assert {one.rule_id for one in result.reasons} >= {"attendance"}
    assert all("第" in one.clause for one in result.reasons)
    assert [abs(one.difference) for one in result.top] == sorted(
        (abs(one.difference) for one in result.top), reverse=True
    )


def test_a_library_against_itself_changes_nothing() -> None:
    result = compare(Lines.from_facts(rows(60), STORE.facts), STORE, STORE, place=TIANJIN, scheme="training", top=5)
    assert (result.total.winners, result.total.losers, result.total.fen) == (0, 0, 0)
    assert (result.reasons, result.top) == ((), ())


def test_each_line_is_decided_by_the_texts_of_its_day() -> None:
    first, last = date(2023, 12, 1), date(2026, 6, 1)
    segments = segments_of(STORE, AFTER, TIANJIN, "training", first, last)
    days = [one.first for one in segments]
    assert days[0] == first
    assert {date(2024, 1, 1), date(2026, 5, 1)} <= set(days)
    for segment, following in pairwise(segments):
        assert segment.last + timedelta(days=1) == following.first
    for segment in segments:
        for day in (segment.first, segment.last):
            assert STORE.for_place(TIANJIN, "training", day).version == segment.before.version


def test_the_same_lines_from_each_kind_of_file(tmp_path: Path) -> None:
    lines, schema = rows(90), STORE.facts
    names = list(dict.fromkeys(name for line in lines for name in line))
    texts = [{name: None if line.get(name) is None else str(line[name]) for name in names} for line in lines]
    with (tmp_path / "lines.jsonl").open("w", encoding="utf-8") as held:
        for number, line in enumerate(texts):
            facts = {name: value for name, value in line.items() if name not in ("id", "region")}
            facts = {
                name: value if value not in ("True", "False") else value == "True" for name, value in facts.items()
            }
            outer = {"id": line["id"], "region": line["region"]}
            held.write(json.dumps(outer | ({"facts": facts} if number % 2 else facts), ensure_ascii=False) + "\n")
    with duckdb.connect() as connection:
        columns = ", ".join(f'"{name}" VARCHAR' for name in names)
        connection.execute(f"CREATE TABLE lines ({columns})")
        connection.executemany(
            f"INSERT INTO lines VALUES ({', '.join('?' * len(names))})", [list(one.values()) for one in texts]
        )
        connection.execute(f"COPY lines TO '{tmp_path / 'lines.csv'}' (HEADER)")
        connection.execute(f"COPY lines TO '{tmp_path / 'lines.parquet'}' (FORMAT parquet)")
    memory = compare(Lines.from_facts(lines, schema), STORE, AFTER, place=TIANJIN, scheme="training", by=["region"])
    for kind in ("jsonl", "csv", "parquet"):
        read = Lines.read(tmp_path / f"lines.{kind}", schema)
        result = compare(read, STORE, AFTER, place=TIANJIN, scheme="training", by=["region"])
        assert figures(result) == figures(memory), kind


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("attended_hours", "95.5::double", "不精确"),
        ("planned_hours", "95.5::decimal(6, 1)", "应当是整数"),
        ("planned_hours", "'很多'", "不是数值"),
        ("level", "'Senior'", "应当是 none"),
        ("class_start", "'昨天'", "算不下去"),
        ("pension_drawn", "3", "应当是 boolean"),
    ],
)
def test_a_column_that_cannot_be_read_exactly_is_refused(column: str, value: str, said: str) -> None:
    day = "" if column == "class_start" else ", DATE '2025-06-01' AS class_start"
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE lines AS SELECT {value} AS {column}{day}")
    with pytest.raises(FactError, match=said):
        compare(Lines.of(connection, "lines"), STORE, AFTER, place=TIANJIN, scheme="training")


def test_lines_without_a_day_are_told_and_left_out() -> None:
    lines = rows(12)
    lines[3]["class_start"] = None
    result = compare(Lines.from_facts(lines, STORE.facts), STORE, AFTER, place=TIANJIN, scheme="training")
    assert (result.undated, result.total.lines) == (1, 11)


def test_earlier_grants_are_counted_from_the_history_of_each_line() -> None:
    place = next(
        document.region for document in STORE.documents for rule in document.rules
        if rule.counts and rule.phases & {"claim"} and not rule.review_only
    )  # fmt: skip
    scheme, day = next(
        (scheme, document.start)
        for document in STORE.documents
        for rule in document.rules
        if rule.counts and document.region == place
        for scheme in rule.schemes
    )
    grants = [
        {"scheme": one, "on": day.isoformat()} for one in ("training", "evaluation", "living", scheme) for _ in range(4)
    ]
    lines: list[dict[str, Any]] = [
        {"class_start": day},
        {"class_start": day, "history": []},
        {"class_start": day, "history": grants},
    ]
    schema = STORE.facts_for(place)
    by_engine = [
        compare(Lines.from_facts(lines, schema), STORE, STORE, place=place, scheme=scheme).total.before.refused
    ]
    decided = [STORE.for_place(place, scheme, day).decide(line) for line in lines]
    assert by_engine == [sum(one.outcome is Outcome.FAIL for one in decided)]


def test_the_command_on_files_alone(tmp_path: Path) -> None:
    lines = [
        {name: str(value) if not isinstance(value, bool) else value for name, value in row.items() if value is not None}
        for row in rows(60)
    ]
    (tmp_path / "lines.jsonl").write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    text = (ROOT / KEY).read_text(encoding="utf-8")
    folder = tmp_path / "草案"
    folder.mkdir()
    (folder / "稿.yaml").write_text(text.replace(*CHANGES[0]), encoding="utf-8")
    for table in (ROOT / KEY).parent.glob("*.csv"):
        (folder / table.name).write_bytes(table.read_bytes())
    command = [
        "simulate",
        "--lines",
        str(tmp_path / "lines.jsonl"),
        "--place",
        "120000",
        "--after",
        str(folder / "稿.yaml"),
    ]
    command += ["--root", str(ROOT), "--by", "group,region", "--xlsx", str(tmp_path / "out.xlsx")]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.output
    assert all(word in shown.output for word in ("共 60 笔", "按人员类别", "新不通过"))
    told = json.loads(CliRunner().invoke(app, [*command, "--json"]).output)
    book = load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames[:2] == ["合计", "按人员类别"]
    assert book["合计"]["B2"].value == told["total"]["lines"] == 60
    wrong = CliRunner().invoke(app, [*command, "--before", "没有的.yaml"])
    assert (wrong.exit_code, "没有的.yaml" in wrong.output) == (2, True)


YUNZHOU = ROOT.parent / "docs/examples/yunzhou-2026.yaml"
PAST = {
    "class_start": "2026-03-02",
    "person_age_at_start": 35,
    "pension_drawn": False,
    "kind": "skill_level",
    "occupation": "6-18-02-04",
    "scarcity": "scarce",
    "employed_within_6_months": False,
    "planned_hours": 80,
    "attended_hours": 80,
    "exam_passed": True,
    "training_cost": 300000,
    "advance_paid": 0,
}


def test_earlier_grants_in_a_column_of_parquet_count_as_those_in_json(tmp_path: Path) -> None:
    """Nobody is counted as new because his history came as a list in a column."""
    thrice = [
        {"scheme": "training", "on": f"2025-0{month}-01", "occupation": "4-10-01-05", "level": "junior"}
        for month in (1, 2, 3)
    ]
    same = [{"scheme": "training", "on": "2023-01-01", "occupation": "6-18-02-04", "level": "junior"}]
    past = [
        {**PAST, "id": f"L{number}", "group": "06", "level": "junior", "region": 980101, "history": history}
        for number, history in enumerate((thrice, [], same, None))
    ]
    file, table = tmp_path / "past.jsonl", tmp_path / "past.parquet"
    file.write_text("\n".join(map(json.dumps, past)), encoding="utf-8")
    duckdb.sql(f"COPY (SELECT * FROM read_json_auto('{file}')) TO '{table}' (FORMAT parquet)")
    command = ["simulate", "--place", "980100", "--before", str(YUNZHOU), "--after", str(YUNZHOU), "--json", "--lines"]
    told = [CliRunner().invoke(app, [*command, str(one)]) for one in (file, table)]
    assert [one.exit_code for one in told] == [0, 0], told[1].output
    one, other = (json.loads(each.stdout) for each in told)
    assert one == other
    duckdb.sql(
        f"COPY (SELECT 'L' AS id, DATE '2026-03-02' AS class_start, 'x' AS history) TO '{table}' (FORMAT parquet)"
    )
    wrong = CliRunner().invoke(app, [*command, str(table)])
    assert (wrong.exit_code, "history 一列是 VARCHAR，应当是列表" in wrong.stderr) == (1, True)


def test_a_stranger_tries_a_draft_on_files_of_his_own(tmp_path: Path) -> None:
    """JSON Lines with history and Parquet without: cost, who gains and who loses, by group and region; what is missing."""
    people = [("06", "junior", 980101), ("07", "senior", 980101), ("12", "senior", 980102), ("06", "junior", 980102)]
    past = [
        {**PAST, "id": f"L{number}", "group": group, "level": level, "region": region, "history": []}
        for number, (group, level, region) in enumerate(people)
    ]
    file = tmp_path / "past.jsonl"
    file.write_text("\n".join(map(json.dumps, past)), encoding="utf-8")
    draft = tmp_path / "draft.yaml"
    text = YUNZHOU.read_text(encoding="utf-8").replace(
        "says: 紧缺职业上浮, value: 0.20", "says: 紧缺职业上浮, value: 0.30"
    )
    draft.write_text(text.replace("value: 240000", "value: 220000"), encoding="utf-8")
    command = ["simulate", "--place", "980100", "--before", str(YUNZHOU), "--after", str(draft), "--by", "group,region"]
    shown = CliRunner().invoke(app, [*command, "--lines", str(file)]).stdout
    # 1000 × 1.3 twice; 2000 × 1.2 = 2400 falls to the new cap of 2200; 1800 × 1.2 = 2160 rises to it.
    assert "支出：¥6,960.00 → ¥7,000.00（+¥40.00）" in shown
    assert "增加 3 笔 ¥240.00，减少 1 笔 ¥200.00" in shown
    assert "就业困难人员：1 笔，-¥200.00，增加 0 笔 ¥0.00，减少 1 笔 ¥200.00" in shown
    assert "按地区：" in shown
    assert "980102：2 笔，+¥140.00，增加 2 笔 ¥140.00" in shown
    assert "记录里没有" not in shown
    file.write_text(file.read_text(encoding="utf-8").replace('"occupation"', '"job"'), encoding="utf-8")
    assert "职业（工种）编码（occupation）" in CliRunner().invoke(app, [*command, "--lines", str(file)]).stdout
    # The same without the earlier grants: nobody is paid for certain, and the column to add is named.
    table = tmp_path / "past.parquet"
    duckdb.sql(f"COPY (SELECT * EXCLUDE (history) FROM read_json_auto('{file}')) TO '{table}' (FORMAT parquet)")
    less = tmp_path / "less.jsonl"
    less.write_text(
        "\n".join(json.dumps({name: value for name, value in row.items() if name != "history"}) for row in past),
        encoding="utf-8",
    )
    # As data frames write it: whole numbers as floats, days as midnights.
    frame = tmp_path / "frame.parquet"
    wide = "* REPLACE (planned_hours::DOUBLE AS planned_hours, class_start::TIMESTAMP AS class_start)"
    duckdb.sql(f"COPY (SELECT {wide} FROM '{table}') TO '{frame}' (FORMAT parquet)")
    for bare in (table, less, frame):
        shown = CliRunner().invoke(app, [*command, "--lines", str(bare)]).stdout
        assert "转人工 4 → 4" in shown
        assert "如果都核实通过：¥6,960.00 → ¥7,000.00" in shown
        assert "已享受职业培训补贴次数（count_" in shown
        assert "写 history" in shown
        wrong = CliRunner().invoke(app, [*command[:-1], "grop", "--lines", str(bare)])
        assert (wrong.exit_code, "没有 grop 一列" in wrong.stderr, "是不是要写 group" in wrong.stderr) == (
            1,
            True,
            True,
        )
        assert "aid_applied" not in wrong.stderr, "only what the file has is listed"
