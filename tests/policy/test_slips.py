"""What an officer slips on in a policy file or a file of facts: told with the mend, and nothing taken silently."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from policy.small import rule, text
from policy.texts import DOCUMENT, Write
from zhaoliang.cli.policy import app
from zhaoliang.policy import PolicyError, PolicyStore
from zhaoliang.policy.sql import compile_set

pytestmark = pytest.mark.mission("C2")
runner = CliRunner()
AMOUNT = '\namounts:\n  a: {scheme: training, says: 标准, base: 100, cite: "1"}\n'
PARTS = '{asks: 例, says: 例, MUST, cite: "1", schemes: [training], phase: claim}'
OPENS = (
    '\nopens:\n  uplift: {unit: ratio, says: 上浮, cite: "1", at_least: 0.1, at_most: 0.3}\n'
    '  price: {unit: fen, says: 标准, cite: "1", at_most: 90000}\n'
)


def laid(folder: Path, *texts: dict[str, str]) -> None:
    """The texts as they would stand in a folder of one's own, away from any library."""
    for held in texts:
        for path, content in held.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content, encoding="utf-8")


def asked(*words: object) -> Result:
    return runner.invoke(app, [str(word) for word in words])


def evaluated(folder: Path, lines: bytes, *words: str) -> Result:
    """What `eval` answers on these lines by the small text in the folder."""
    laid(folder, text(AMOUNT + "rules:\n" + rule("passed", "exam_passed")))
    (folder / "f.jsonl").write_bytes(lines)
    return asked("eval", "--policy", folder / "cn-99", "--facts", folder / "f.jsonl", "--on", "2026-06-01", *words)


@pytest.mark.parametrize(
    ("must", "said"),
    [
        ("must: class_start >= '2026-05-01'", "日期写成 date '2026-05-01'"),
        ("must: class_start >= 2026-05-01", "日期写成 date '2026-05-01'"),
        ("must: group = 12", "代码要加引号：'12'"),
        ("must: 'filing_lead_days >= days_between(class_start, class_start)'", "天和工作日不能互换"),
        ("must: planned_hours >= person_age_at_start", "两边的单位要相同"),
        ("must: attended_hours >= planned_hours * 80%", "80% 要写成小数 0.80"),
        ("must: planned_hours > cn-98/other#term", "上级留给下级定的数值（opens）用 fills 填上"),
    ],
)
def test_an_expression_of_the_wrong_kind_of_value_shows_the_right_one(write: Write, must: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        write(f"rules:\n  r: {PARTS.replace('MUST', must)}\n")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (f"rules:\n  r: {PARTS.replace('MUST', 'must: exam_passed').replace('1', '第一条')}\n", 'cite: "1"？'),
        (
            "facts:\n  lag: {type: number, label: 天数, meaning: 天数, unknown: 未查}\n",
            "(facts.lag): 数值要写单位，如 unit: days",
        ),
        ("rules:\n  no-pension: {}\n", ":15 (rules.no-pension): 'no-pension' 写法不对"),
        (
            'tables: {t: {says: 例, unit: fen, keys: [level], cite: "1", rows: {senior: null}}}\n',
            "没有写数。原文没有规定的不要写这一项",
        ),
        *(
            (
                f"limits:\n  l: {PARTS.replace('MUST', f'count: {{of: training}}, at_most: {most}')}\n",
                f"最多几次写 1 以上的整数，写的是 {most}",
            )
            for most in ("3.5", "-1", "0")
        ),
        ("fills: {cn-98/a#b: 0.3}\n", "写本文件里填它的那个参数的名称"),
    ],
)
def test_a_part_of_the_wrong_shape_shows_the_right_one(write: Write, parts: str, said: str) -> None:
    with pytest.raises(PolicyError) as refused:
        write(f"\n# 例\n{parts}")
    assert said in str(refused.value)
    assert "None" not in str(refused.value)


@pytest.mark.parametrize(
    "must",
    [f"{'(' * 200}exam_passed{')' * 200}", " and ".join(["exam_passed"] * 150), " and ".join(["exam_passed"] * 2000)],
    ids=["brackets", "long", "very long"],
)
def test_a_condition_beyond_measure_is_refused_and_not_fallen_over(write: Write, must: str) -> None:
    with pytest.raises(PolicyError, match="在 conditions 里给其中一部分起个名称"):
        write(f"rules:\n  r: {PARTS.replace('MUST', f'must: {must}')}\n")


def test_the_longest_condition_let_in_is_decided(write: Write) -> None:
    must = " and ".join(["exam_passed"] * 99)
    store: PolicyStore = write(f"rules:\n  r: {PARTS.replace('MUST', f'must: {must}')}\n")
    policies = store.for_place(990000, "training", store.documents[0].start)
    assert [policies.decide({"exam_passed": held}).outcome.value for held in (True, False)] == ["pass", "fail"]
    assert compile_set(policies, "claim", dialect="postgres").rules


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (
            "a: &a [x, x, x, x, x, x, x, x, x]\n"
            + "".join(f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(12)),
            "展开以后超过",
        ),
        ("a: &a [*a]\n", "展开以后超过"),
        (f"a: {'[' * 3000}{']' * 3000}\n", "套得太深"),
    ],
    ids=["billions", "itself", "deep"],
)
def test_references_within_references_are_refused_and_not_written_out(write: Write, parts: str, said: str) -> None:
    with pytest.raises(PolicyError, match=said):
        write(parts)


def test_a_day_written_as_a_number_is_told_as_a_day(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(DOCUMENT.replace("2026-01-01", "20260101"), encoding="utf-8")
    assert "(document.in_force.from): 20260101 写法不对。日期写成 2026-05-01" in asked("check", tmp_path).output


def test_a_figure_out_of_the_higher_text_s_bounds_is_told_as_both_texts_write_it(tmp_path: Path) -> None:
    parts = (
        '\nparameters:\n  up: {unit: ratio, says: 上浮, value: 0.35, cite: "1"}\n'
        '  pay: {unit: fen, says: 标准, value: 95000, cite: "2"}\n'
        "fills: {cn-99/above#uplift: up, cn-99/above#price: pay}\n"
    )
    laid(tmp_path, text(OPENS, name="above"), text(parts, name="city", region="cn-99-01"))
    told = asked("check", tmp_path).output
    assert (
        "(parameters.up, 第一条): 0.35（35%） 超出 cn-99/above#uplift 的范围（不低于 0.1（10%）、不高于 0.3（30%），"
        in told
    )
    assert "(parameters.pay, 第二条): 95000（¥950.00） 超出" in told
    alone = asked("check", tmp_path / "cn-99-01").output
    assert "没有开放项 'cn-99/above#uplift'。请把 cn-99/above 的文件一起给出" in alone


def test_one_version_given_twice_is_refused_and_an_overlap_told(tmp_path: Path) -> None:
    body = AMOUNT + "scenarios:\n" + SCENARIO.format(on="2026-03-01")
    (tmp_path / "a.yaml").write_text(DOCUMENT + body, encoding="utf-8")
    (tmp_path / "b.yml").write_text(DOCUMENT + body, encoding="utf-8")
    twice = asked("check", tmp_path)
    assert twice.exit_code == 1
    assert "是同一文件的同一版本（cn-99/sample，都自 2026-01-01 起）" in twice.output, "a .yml file is read as well"
    later = DOCUMENT.replace("from: 2026-01-01", "from: 2026-07-01") + body.replace("2026-03-01", "2026-08-01")
    (tmp_path / "b.yml").write_text(later, encoding="utf-8")
    assert asked("check", tmp_path).exit_code == 0, "the later version follows the earlier one without an end"
    (tmp_path / "a.yaml").write_text(
        DOCUMENT.replace("{from: 2026-01-01}", "{from: 2026-01-01, to: 2026-12-31}") + body, encoding="utf-8"
    )
    lapped = asked("check", tmp_path)
    assert lapped.exit_code == 0
    assert "重叠的日子按下一版办理。建议：把有效期改到 2026-06-30" in lapped.output


SCENARIO = "  - {{name: 例, scheme: training, on: {on}, given: {{}}, expect: {{outcome: pass, fen: 100}}}}\n"


def test_check_finds_what_loads_but_cannot_be_meant(tmp_path: Path) -> None:
    never = rule("never", "exam_passed", when="kind = 'safety' and kind = 'apprenticeship'")
    laid(tmp_path, text(f"\nrules:\n{never}"))
    done = asked("check", tmp_path)
    assert done.exit_code == 1
    assert "错误[走不到] 问never：适用情形永远不成立" in done.output


def test_a_scenario_that_cannot_be_told_says_why(tmp_path: Path) -> None:
    given = "given: {{{facts}}}, expect: {{outcome: fail}}}}\n"
    lines = "  - {{name: {name}, scheme: training, on: 2026-03-01, " + given
    parts = "\nrules:\n" + rule("hukou", "local_hukou") + "scenarios:\n"
    parts += lines.format(name="外地", facts="local_hukou: false") + lines.format(name="未核", facts="")
    laid(tmp_path, text(parts))
    told = asked("check", tmp_path).output
    assert "“外地”不符：outcome 应为 fail，实为 cannot_tell；不能判断的原因：hukou 以户籍或所在地为条件" in told
    assert "“未核”不符：outcome 应为 fail，实为 cannot_tell；不能判断的原因：hukou 缺 local_hukou" in told


def test_a_root_that_is_no_library_and_an_empty_folder_are_told(tmp_path: Path) -> None:
    done = asked("check", "--root", tmp_path)
    assert (done.exit_code, "没有 facts.yaml：--root 是整个政策库的目录" in done.output) == (1, True)
    assert "没有找到政策文件" in asked("check", tmp_path).output
    (tmp_path / "f.jsonl").write_text("{}", encoding="utf-8")
    (tmp_path / "texts").mkdir()
    on = ("--facts", tmp_path / "f.jsonl", "--on", "2026-06-01")
    assert "没有找到政策文件" in asked("eval", "--policy", tmp_path / "texts", *on).output


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ({"id": "b", "kind": "safety", "facts": {}}, "'kind' 是一个事实，写在 facts 里面才算"),
        ({"id": "b", "scheme": "living", "facts": {}}, "'scheme' 不写在行里，写在命令里：--scheme"),
        ({"id": "b", "facts": [1]}, "facts 要写成一个对象"),
    ],
)
def test_eval_reads_nothing_of_a_line_half(tmp_path: Path, line: dict[str, object], said: str) -> None:
    good = json.dumps({"id": "a", "expected": "pass", "facts": {"exam_passed": True}})
    done = evaluated(tmp_path, f"{good}\n{json.dumps(line)}\n".encode())
    assert done.exit_code == 1
    assert [json.loads(row)["id"] for row in done.stdout.splitlines()] == ["a"], "a note of one's own beside is let be"
    assert f"f.jsonl:2: {said}" in done.stderr


def test_eval_tells_another_encoding_a_repeated_id_and_an_empty_file(tmp_path: Path) -> None:
    good = '{"id": "甲", "exam_passed": true}\n'
    mixed = evaluated(tmp_path, good.encode() + good.encode("gb18030"))
    assert mixed.exit_code == 1
    assert len(mixed.stdout.splitlines()) == 1, "the other lines are answered"
    assert "f.jsonl:2: 这一行不是 UTF-8 编码" in mixed.stderr
    twice = evaluated(tmp_path, b"\xef\xbb\xbf" + good.encode() * 2)
    assert (twice.exit_code, len(twice.stdout.splitlines())) == (0, 2)
    assert "f.jsonl:2: 编号 '甲' 与第 1 行相同" in twice.stderr
    empty = evaluated(tmp_path, b"")
    assert (empty.exit_code, empty.stdout) == (0, "")
    assert "没有一行事实" in empty.stderr


def test_a_place_the_texts_are_not_for_is_told_and_nothing_passes(tmp_path: Path) -> None:
    line = b'{"id": 1, "exam_passed": true, "class_start": "2026-06-01"}\n'
    assert (
        "所给文件都不用于 120000（cn-99/sample：990000）。请改 --place"
        in evaluated(tmp_path, line, "--place", "120000").output
    )
    assert "区划代码是六位数字，如 370900；写的是 99" in evaluated(tmp_path, line, "--place", "99").output
    texts = tmp_path / "cn-99"
    files = ("--lines", tmp_path / "f.jsonl", "--before", texts, "--after", texts)
    for place in ("120000", "99"):
        done = asked("simulate", *files, "--place", place)
        assert done.exit_code == 1
        assert "不能试算" in done.output
    assert asked("simulate", *files, "--place", "990000").exit_code == 0
    (tmp_path / "f.csv").write_bytes("id,class_start,kind\n甲,2026-06-01,safety\n".encode("gb18030"))
    (tmp_path / "f.jsonl").write_bytes('{"id": "甲", "class_start": "2026-06-01"}\n'.encode("gb18030"))
    for name in ("f.csv", "f.jsonl"):
        done = asked("simulate", "--lines", tmp_path / name, *files[2:], "--place", "990000")
        assert done.exit_code == 1
        assert f"{name}：文件不是 UTF-8 编码，请另存为 UTF-8" in done.output


def test_versions_that_rest_on_a_higher_text_are_compared_together_with_it(tmp_path: Path) -> None:
    city = (
        '\nparameters: {{up: {{unit: ratio, says: 上浮, value: {up}, cite: "1"}}}}\nfills: {{cn-99/above#uplift: up}}\n'
    )
    laid(tmp_path, text(OPENS, name="above"))
    for day, up in (("2026-01-01", 0.2), ("2026-07-01", 0.3)):
        laid(tmp_path, text(city.format(up=up) + AMOUNT, name="city", region="cn-99-01", start=day))
    old, new = (tmp_path / "cn-99-01" / "city" / f"{day}.yaml" for day in ("2026-01-01", "2026-07-01"))
    assert "请把 cn-99/above 的文件一起给出" in asked("diff", old, new).output
    assert "上浮（第一条）：20% → 30%" in asked("diff", old, new, "--with", tmp_path / "cn-99").output
    (tmp_path / "f.jsonl").write_text('{"id": 1, "class_start": "2026-08-01"}\n', encoding="utf-8")
    both = ("--before", tmp_path / "cn-99", "--before", old, "--after", tmp_path / "cn-99", "--after", new)
    done = asked("simulate", "--lines", tmp_path / "f.jsonl", "--place", "990100", *both)
    assert (done.exit_code, "不变 1 笔" in done.output) == (0, True), done.output


def test_an_amount_that_is_not_paid_in_parts_is_not_promised_as_nothing(tmp_path: Path) -> None:
    done = evaluated(tmp_path, b'{"id": 1}\n', "--phase", "advance", "--explain")
    (row,) = map(json.loads, done.stdout.splitlines())
    assert (row["outcome"], row["fen"]) == ("pass", 0)
    assert row["explain"] == ["目前符合条件；这项补贴不预付，申报时一次核算。"]


def test_the_store_has_no_place_of_fewer_digits(write: Write) -> None:
    store: PolicyStore = write(AMOUNT)
    with pytest.raises(PolicyError, match="六位数字"):
        store.for_place(99, "training", store.documents[0].start)
