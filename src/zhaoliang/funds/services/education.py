"""An enterprise reports its fund for staff education, year by year."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.funds.models import EducationSpending
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.models import Organisation

FIRST_YEAR = 2006  # 财建〔2006〕317号, the rules on setting the fund aside


@act(
    "funds.report_education",
    label="填报职工教育经费",
    grants={Role.PROVIDER: Reach.ORGANISATION},
    on="organisation",
)
def report_education(
    *,
    actor: Actor,
    at: datetime,
    organisation: Organisation,
    year: int,
    provided_fen: int,
    spent_fen: int,
    front_line_fen: int,
    note: str = "",
) -> EducationSpending:
    """Report a year's fund (fen): set aside, spent, spent on the front line. A later report of the year counts instead.

    Raises BadInput for figures that cannot be, Refusal for who is no enterprise.
    """
    what = "没有填报。"
    if organisation.kind != "enterprise":
        raise Refusal(what, "职工教育经费由企业填报，本单位登记的不是企业。", "登记有误的，请联系人社部门更正。")
    wrong = {
        "year": "" if FIRST_YEAR <= year <= chinese_day(at).year else "请填写今年或以前的年度。",
        "provided_fen": "" if provided_fen >= 0 else "不能小于零。",
        "spent_fen": "" if spent_fen >= 0 else "不能小于零。",
        "front_line_fen": "" if 0 <= front_line_fen <= spent_fen else "用于一线的不能多于全部使用的。",
    }
    if fields := {name: message for name, message in wrong.items() if message}:
        raise BadInput(what, "有数字填写不对。", "请改正后重新提交。", fields=fields)
    return EducationSpending.objects.create(
        city_code=organisation.city_code,
        organisation=organisation,
        region_code=organisation.region_id,
        year=year,
        provided_fen=provided_fen,
        spent_fen=spent_fen,
        front_line_fen=front_line_fen,
        note=note.strip()[:300],
        at=at,
        by_name=actor.name,
    )
