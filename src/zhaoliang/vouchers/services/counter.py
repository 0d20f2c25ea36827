"""At a provider's counter: the holder shows the code, the provider uses the voucher, on the page or by its own system."""

from __future__ import annotations

from datetime import datetime

from zhaoliang.catalogue.models import Project
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Forbidden, NotFound
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Organisation
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.selectors import voucher_by_code
from zhaoliang.vouchers.services.checks import read_given
from zhaoliang.vouchers.services.lives import used_once


@act(
    "vouchers.use_by_code",
    label="凭券码用券",
    grants={Role.PROVIDER: Reach.ORGANISATION, Role.PARTNER: Reach.ORGANISATION},
    on="place",
)
def use_by_code(
    *, actor: Actor, at: datetime, place: Place, code: str, provider: Organisation, project: Project, class_id: int
) -> Voucher:
    """Use the voucher of a QR or code that its holder has just shown. The caller has checked the class, and counted typed codes.

    Raises Forbidden for another provider's class, BadInput (`fields` name what is wrong with the code, in the words of
    verifying), NotFound, UsedAlready, Expired, NotHere, WrongState.
    """
    if place.organisation_id != provider.pk:
        raise Forbidden("没有使用。", "这个班不是本机构的。", "请核对班级后再用券。")
    given = read_given(code, at)
    if given.code is None:
        raise BadInput("没有使用。", given.problem, "请持券人重新出示二维码。", fields={"code": str(given.known)})
    voucher = voucher_by_code(given.code) if int(given.code[:6]) == place.city_code else None
    if voucher is None:
        raise NotFound("没有使用。", "本市没有这张券。", "请核对券码，或让持券人打开“我的培训券”出示二维码。")
    return used_once(actor, at, voucher, provider, project, class_id)
