"""A changed copy of the library takes over what does not differ: it answers as the same texts read from nothing do."""

from __future__ import annotations

import pytest

from policy.texts import ROOT
from zhaoliang.policy import PolicyStore, kept
from zhaoliang.policy.report import report

NATION, TIANJIN = "cn/renshebuhan-2021-14/2021-02-01.yaml", "cn-12/jinrenshe-2022-20/2022-08-01.yaml"
TABLE = "cn-12/jinrenshe-2022-20/standard-2021-2022.csv"
FACTS = "facts:\n  guild: {type: bool, label: 行会会员, meaning: 在册会员, unknown: 未查}\n"
CHANGES = {
    "a figure of a city": (TIANJIN, "says: 个人出勤率下限, value: 0.80", "says: 个人出勤率下限, value: 0.95"),
    "a cell of a table beside the text": (TABLE, ",378000", ",379000"),
    "the words of a clause of the nation": (NATION, "text: ", "text: 改后的"),
    "a fact that the nation declares": (NATION, "clauses:", f"{FACTS}clauses:"),
    "the end of a city's text": (
        TIANJIN,
        "in_force: {from: 2022-08-01, to: 2027-07-31}",
        "in_force: {from: 2022-08-01, to: 2023-07-31}",
    ),
}


@pytest.mark.mission("F1")
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_copy_answers_as_the_same_texts_read_from_nothing(
    change: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, old, new = change
    text = (ROOT / key).read_text(encoding="utf-8")
    assert old in text
    overlay = {key: text.replace(old, new, 1).encode()}
    # Read here: of a library read long ago, other tests may have pushed the documents out of what is kept.
    before = PolicyStore.load(ROOT)
    copy = PolicyStore.load(ROOT, overlay, before=before)
    taken_over = [one for one, other in zip(copy.documents, before.documents, strict=True) if one is other]
    assert bool(taken_over) is (FACTS not in new), "only another schema makes every text be read again"
    monkeypatch.setattr(kept, "_kept", type(kept._kept)())
    fresh = PolicyStore.load(ROOT, overlay)
    assert copy.documents == fresh.documents
    assert [(run.scenario, run.decision, run.problem) for run in copy.runs] == [
        (run.scenario, run.decision, run.problem) for run in fresh.runs
    ]
    changed = [one.file for one, other in zip(copy.documents, before.documents, strict=True) if one is not other]
    chosen = [[one for one in store.documents if one.file in changed] for store in (copy, fresh)]
    assert report(copy, chosen[0]).findings == report(fresh, chosen[1]).findings
