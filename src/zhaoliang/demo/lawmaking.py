"""An invented change of Tianjin's standard on its way: drafted, checked and tried on the demo's claims, not yet approved."""

from __future__ import annotations

from datetime import date

from zhaoliang.demo.cast import CITY, Cast
from zhaoliang.demo.market import WELDER
from zhaoliang.demo.stage import Stage, moment, was_done
from zhaoliang.enactments import services
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.kernel.roles import Place, Role

DRAFTED = date(2026, 11, 20)
PURPOSE = (
    "演示草稿（虚构，不是真实政策）：紧缺职业按 95% 计发（原 90%），焊工高级工 120 课时标准 3,900 元（原 3,780 元）"
)


def draft_change(stage: Stage, cast: Cast) -> PolicyDraft:
    """Leave the draft with the second person."""
    drafter, at = cast.staff[Role.ADMINISTRATOR], moment(DRAFTED, 14)
    made = stage.do(
        services.start_revision,
        "policy-draft",
        actor=drafter,
        at=at,
        place=Place(CITY, CITY),
        document_id="cn-12/jinrenshe-2022-20",
        version=date(2022, 8, 1),
        valid_from=date(2027, 1, 1),
        valid_to=date(2027, 7, 31),
        purpose=PURPOSE,
    )
    cells = {"table": "scarcity_factor", "index": 0, "typed": {"scarce": "0.95"}}
    made = stage.do(services.set_cells, "policy-cells", actor=drafter, at=at, draft=made, revision=1, **cells)
    # The version of the table for classes from 2026-05-01 on.
    cells = {"table": "standard", "index": 2, "typed": {f"{WELDER}/120/senior": "3900"}}
    made = stage.do(services.set_cells, "policy-welders", actor=drafter, at=at, draft=made, revision=2, **cells)
    made = stage.do(services.check_draft, "policy-first-check", actor=drafter, at=at, draft=made)
    if not was_done(CITY, "policy-adopt"):
        # Exactly the scenarios of 紧缺 and of these welders expect another amount now.
        changed = [one["index"] for one in made.checked["scenarios"] if not one["ok"]]
        made = stage.do(
            services.adopt_results, "policy-adopt", actor=drafter, at=at, draft=made, revision=3, indexes=changed
        )
    for step, act in (
        ("policy-check", services.check_draft),
        ("policy-simulate", services.simulate_draft),
        ("policy-submit", services.submit),
    ):
        made = stage.do(act, step, actor=drafter, at=moment(DRAFTED, 15), draft=made)
    return made
