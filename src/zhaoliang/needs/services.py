"""Acts on needs: an enterprise posts a demand, the bureau answers it with a project (鲁人社字〔2025〕37号 16)."""

from __future__ import annotations

from datetime import date, datetime

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.needs.models import Demand
from zhaoliang.needs.states import DEMAND
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.selectors import occupation_exists


@act(
    "needs.post_demand",
    label="发布用工需求",
    # Grass-roots stations enter demands for small firms that have no account (人社部发〔2025〕10号 三（一）).
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="enterprise",
)
def post_demand(
    *,
    actor: Actor,
    at: datetime,
    enterprise: Organisation,
    occupation_code: str,
    post: str,
    headcount: int,
    skills: str,
    pay_low_fen: int,
    pay_high_fen: int,
    start_on: date,
    level: int | None = None,
    region_code: int | None = None,
) -> Demand:
    """Post a demand; pay is monthly, in fen. The place of work is the enterprise's own unless `region_code` is given.

    Raises BadInput with one message per field.
    """
    fields: dict[str, str] = {}
    if not post.strip():
        fields["post"] = "请填写岗位名称。"
    if headcount < 1:
        fields["headcount"] = "用工数量至少是 1 人。"
    if not skills.strip():
        fields["skills"] = "请写明需要的技能，培训机构据此设置课程。"
    if pay_low_fen <= 0 or pay_high_fen < pay_low_fen:
        fields["pay_low_fen"] = "月薪下限应大于 0，且不高于上限。"
    if start_on < chinese_day(at):
        fields["start_on"] = "到岗时间不能早于今天。"
    if not occupation_exists(occupation_code):
        fields["occupation_code"] = "没有这个职业编码，请从职业分类中选择。"
    if fields:
        raise BadInput("用工需求没有发布。", "有内容需要补充或更正。", "请按提示修改后再提交。", fields=fields)
    return Demand.objects.create(
        city_code=enterprise.city_code,
        enterprise=enterprise,
        region_id=region_code or enterprise.region_id,
        occupation_id=occupation_code,
        level=level,
        post=post.strip(),
        headcount=headcount,
        skills=skills.strip(),
        pay_low_fen=pay_low_fen,
        pay_high_fen=pay_high_fen,
        start_on=start_on,
        posted_at=at,
    )


@act(
    "needs.answer_demand",
    label="把用工需求列为项目",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="demand",
)
def answer_demand(*, actor: Actor, at: datetime, demand: Demand) -> Demand:
    """Mark the demand as answered by a project. Raises WrongState when it is not open."""
    DEMAND.fire(demand, "answer")
    return demand


@act(
    "needs.close_demand",
    label="关闭用工需求",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.REVIEWER: Reach.REGION},
    on="demand",
)
def close_demand(*, actor: Actor, at: datetime, demand: Demand) -> Demand:
    """Close a demand that is filled or withdrawn. Raises WrongState when it is closed already."""
    DEMAND.fire(demand, "close")
    return demand
