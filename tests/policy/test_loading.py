"""A policy file that is uncited, misplaced or malformed does not load; the message says where."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from policy.texts import DOCUMENT, ROOT, Write
from zhaoliang.policy import FactError, Outcome, PolicyError, PolicyFileError, PolicyStore

GOOD_RULE = (
    "rules:\n  a: {{asks: 示例, says: 示例, must: planned_hours > 1, {cite}, schemes: [training], phase: claim}}\n"
)


@pytest.mark.parametrize(
    "part",
    [
        GOOD_RULE.format(cite="do: 无"),
        "parameters:\n  p: {unit: fen, says: 示例, value: 1}\n",
        "parameters:\n  p: {unit: fen, says: 示例, values: [{from: 2026-01-01, value: 1}]}\n",
        "tables:\n  t: {says: 示例, unit: fen, keys: [level], rows: {senior: 1}}\n",
        "tables:\n  t: {says: 示例, unit: fen, keys: [level], versions: [{from: 2026-01-01, rows: {senior: 1}}]}\n",
        "limits:\n  l: {asks: 示例, says: 示例, count: trainings_paid_lifetime, at_most: 3, period: lifetime, schemes: [training], "
        "phase: claim}\n",
        "exclusions:\n  e: {asks: 示例, says: 示例, when: pension_drawn, schemes: [training], phase: claim}\n",
        "amounts:\n  a: {scheme: training, says: 示例, base: 100}\n",
        'amounts:\n  a: {scheme: training, says: 示例, base: 100, cite: "1", steps: [{label: 半, times: 0.5}]}\n',
        "clocks:\n  c: {value: 5, unit: working_days, says: 示例}\n",
        "opens:\n  o: {unit: ratio, says: 示例}\n",
    ],
)
def test_nothing_uncited_loads(write: Write, part: str) -> None:
    with pytest.raises(PolicyFileError, match=r"cn-99/sample/2026-01-01\.yaml"):
        write(part)


def test_a_clause_that_is_not_there(write: Write) -> None:
    with pytest.raises(PolicyFileError, match=r"yaml:13 \(rules.a.cite, 9\): 本文件没有条款 '9'"):
        write(GOOD_RULE.format(cite='cite: "9"'))


def test_a_clause_of_a_document_that_is_not_there(write: Write) -> None:
    with pytest.raises(
        PolicyFileError, match=r"yaml:13 \(rules.a\): 没有条款 'cn/nowhere#1'。请把 cn/nowhere 的文件一起给出"
    ):
        write(GOOD_RULE.format(cite="cite: cn/nowhere#1"))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (
            'parameters:\n  p: {unit: yuan, says: 示例, value: 1, cite: "1"}\n',
            "没有 'yuan' 这个单位。金额一律用分（fen），1 元写 100",
        ),
        ('parameters:\n  p: {unit: date, says: 示例, value: 1, cite: "1"}\n', "单位 date 和日期"),
        ('parameters:\n  level: {unit: fen, says: 示例, value: 1, cite: "1"}\n', "是一个事实的名称"),
        (
            'parameters:\n  p: {unit: fen, says: 示例, values: [{from: 2026-01-01, value: 1, cite: "1"}, '
            '{from: 2026-01-01, value: 2, cite: "1"}]}\n',
            "有两个数值从同一天起",
        ),
        (
            'tables:\n  t: {says: 示例, unit: fen, keys: [lvl], cite: "1", rows: {senior: 1}}\n',
            "没有叫 'lvl' 的事实。是不是要写 level",
        ),
        ('tables:\n  t: {says: 示例, unit: fen, keys: [level], cite: "1", rows: {boss: 1}}\n', "不是 level 的代码"),
        ('tables:\n  t: {says: 示例, unit: fen, keys: [level], cite: "1", file: no.csv}\n', "旁边没有文件 no.csv"),
        (
            'tables:\n  t: {says: 示例, unit: fen, keys: [level, mode], cite: "1", rows: {senior: 1}}\n',
            "表的键是 2 个：level、mode。一格写成 level: {mode: 数值}",
        ),
        (
            'tables:\n  t: {says: 示例, unit: fen, keys: [level], version_by: mode, cite: "1", rows: {senior: 1}}\n',
            "version_by 要写一个日期事实",
        ),
        ('amounts:\n  a: {scheme: lottery, says: 示例, base: 100, cite: "1"}\n', "没有 'lottery' 这种补贴"),
        (
            'amounts:\n  a: {scheme: training, says: 示例, base: planned_hours, cite: "1"}\n',
            "要数值（fen），写的是数值（hours）",
        ),
        ("rules: {}\nrules: {}\n", "写了两次"),
        ("rulez: {}\n", "没有 'rulez' 这个键。是不是要写 rules"),
        ("rules: [\n", "YAML 写法有误"),
        ("rules:\n\ta: 1\n", "缩进不能用 Tab"),
        ("rules: {a: {says: 课时: 不够}}\n", "加引号"),
        ("scenarios: [{on: 2026-06-31}]\n", "没有 2026-06-31 这一天"),
        ("scenarios: [{on: 2026-06-01 09:00:00}]\n", "写日期，不写时刻"),
        (
            "scenarios:\n  - {name: 示例, scheme: training, on: 2026-06-01, given: {group: 07}, expect: {outcome: pass}}\n",
            '代码要加引号，如 "07"',
        ),
        (
            "scenarios:\n  - {name: 示例, scheme: training, on: 2026-06-01, given: {agee: 1}, expect: {outcome: pass}}\n",
            "没有叫 'agee' 的事实",
        ),
    ],
)
def test_malformed_parts_say_what_is_wrong(write: Write, part: str, reason: str) -> None:
    with pytest.raises(PolicyFileError) as refusal:
        write(part)
    assert reason in str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("cn-99/sample", "cn-99/other", "id 应与文件夹一致：cn-99/sample"),
        ("from: 2026-01-01", "from: 2026-01-02", "文件名是生效日期：应改名为 2026-01-02.yaml"),
        ("region: 990000", "region: 120000", "cn-99 的区划代码是 990000"),
    ],
)
def test_folder_day_and_region_agree(write: Write, old: str, new: str, reason: str) -> None:
    with pytest.raises(PolicyFileError) as refusal:
        write(head=DOCUMENT.replace(old, new))
    assert reason in str(refusal.value)


HIGHER = DOCUMENT.replace("cn-99/sample", "cn/sample").replace("990000", "100000") + (
    'opens:\n  uplift: {unit: ratio, says: 上浮, at_least: 0, at_most: 0.25, cite: "1"}\n'
    + GOOD_RULE.format(cite='cite: "1"')
)


@pytest.mark.parametrize(
    ("unit", "value", "fine"),
    [("ratio", "0.25", True), ("ratio", "0.26", False), ("ratio", "-0.1", False), ("fen", "0", False)],
)
def test_a_lower_text_fills_an_open_term_within_its_bounds(write: Write, unit: str, value: str, fine: bool) -> None:
    write(head=HIGHER, path="cn/sample/2026-01-01.yaml")
    part = f'parameters:\n  own: {{unit: {unit}, says: 本市上浮, value: {value}, cite: "1"}}\nfills: {{cn/sample#uplift: own}}\n'
    if fine:
        assert write(part).documents[1].fills == {"cn/sample#uplift": "own"}
    else:
        with pytest.raises(PolicyError, match="uplift"):
            write(part)


def test_a_rule_may_not_silently_replace_a_higher_one(write: Write) -> None:
    write(head=HIGHER, path="cn/sample/2026-01-01.yaml")
    with pytest.raises(PolicyError, match=r"重申那一条的，写 also: \[cn/sample#1\]"):
        write(GOOD_RULE.format(cite='cite: "1"'))
    assert len(write(GOOD_RULE.format(cite='cite: "1", also: [cn/sample#1]')).documents) == 2


def sample(path: str, **parts: str) -> dict[str, bytes]:
    return {path: (parts.get("head", DOCUMENT) + parts.get("body", "")).encode()}


def test_an_overlay_stands_for_the_file_on_disk_and_adds_to_it(write: Write) -> None:
    root = write().root
    key = "cn-99/sample/2026-01-01.yaml"
    assert PolicyStore.load(root, sample(key, head=DOCUMENT.replace("测试办法", "拟稿"))).documents[0].title == "拟稿"
    table = 'tables:\n  t: {says: 示例, unit: fen, keys: [level], cite: "1", file: t.csv}\n'
    drafted = sample(key, body=table) | {"cn-99/sample/t.csv": b"level,fen\nsenior,5\n"}
    assert PolicyStore.load(root, drafted).documents[0].tables["t"].versions[0].rows == {("senior",): 5}
    newer = DOCUMENT.replace("2026-01-01", "2026-07-01")
    assert len(PolicyStore.load(root, sample("cn-99/sample/2026-07-01.yaml", head=newer)).documents) == 2
    assert PolicyStore.load(root).documents[0].title == "测试办法"


OWN = """
facts:
  district: {codes: {inner: 市区, outer: 县}, label: 所在片区, meaning: 户外, unknown: 未填片区}
  birth: {type: date, label: 出生日期, meaning: 证件出生日期, unknown: 未填}
  cost: {type: number, unit: fen, label: 实际成本, meaning: 决算成本, unknown: 未决算}
rules:
  a: {asks: 示例, says: 示例, must: district = 'inner' and cost <= 100, cite: "1", schemes: [training], phase: claim}
"""


def test_files_stand_anywhere_and_declare_facts_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(DOCUMENT + OWN, encoding="utf-8")
    store = PolicyStore.load_paths([file])
    policies = store.for_place(990000, "training", date(2026, 6, 1))
    assert policies.decide({"district": "inner", "cost": 100}).outcome is Outcome.PASS
    assert policies.decide({"district": "outer"}).outcome is Outcome.FAIL
    assert store.facts.label("district") == "所在片区"
    with pytest.raises(FactError):
        store.for_place(120000, "training", date(2026, 6, 1)).decide({"district": "inner"})
    file.write_text(DOCUMENT + OWN.replace("cost <= 100", "cost <= planned_hours"), encoding="utf-8")
    with pytest.raises(PolicyFileError, match="hours"):
        PolicyStore.load_paths([tmp_path])


def test_a_file_of_its_own_means_its_own_facts(tmp_path: Path) -> None:
    """A fact the platform adds later under the same name does not break a city's file that stands alone."""
    file = tmp_path / "mine.yaml"
    own = (
        "facts:\n  level: {codes: {low: 低, high: 高}, ordered: true, label: 档次, meaning: 本市档次, unknown: 未定}\n"
    )
    file.write_text(
        DOCUMENT + own + GOOD_RULE.format(cite='cite: "1"').replace("planned_hours > 1", "level >= 'high'"), "utf-8"
    )
    policies = PolicyStore.load_paths([file]).for_place(990000, "training", date(2026, 6, 1))
    assert policies.decide({"level": "low"}).outcome is Outcome.FAIL
    assert policies.decide({"level": 1}).outcome is Outcome.PASS
    with pytest.raises(PolicyFileError, match="代码表 'level' 已有，代码不同；请换个名称"):
        PolicyStore.load_paths([file, ROOT / "cn"])
