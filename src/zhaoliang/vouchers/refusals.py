"""Why a voucher is not given, used or shown. The clauses are those of the pilot scheme (职业技能电子培训券试点工作方案)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zhaoliang.kernel.errors import BadInput, Clause, Exhausted, Refusal

_SCHEME = "职业技能电子培训券试点工作方案"
ONE_EACH = Clause(_SCHEME, "一（一）2（3）", "同一券一人只能领取 1 次，使用 1 次。")
IN_TIME = Clause(_SCHEME, "一（一）2（4）", "设置使用期限，到期后未使用，电子培训券自动失效。")
WHO_MAY = Clause(
    _SCHEME,
    "一（一）3（1）",
    "向个人明确可申请领券的条件（如果部端无法校验的，建议通过个人线上承诺解决）和可使用的培训机构。",
)
ISSUE = Clause(
    _SCHEME, "一（一）1（2）", "支持各级人社部门对培训内容、可用机构、可用人群、有效期、发放数量等进行定制。"
)


class NotDeclared(BadInput):
    """The person did not tick the declaration."""

    code: ClassVar[str] = "not_declared"


class NotOpen(Refusal):
    """The batch does not give vouchers now: not published, suspended, closed, before or after its window."""

    code: ClassVar[str] = "not_open"


class HasOne(Refusal):
    """The person has a voucher of this batch already."""

    code: ClassVar[str] = "has_one"


class NoneLeft(Exhausted):
    """Every voucher of the batch is taken."""

    code: ClassVar[str] = "none_left"


class NotForYou(Refusal):
    """The batch is for other groups of people, or another city's."""

    code: ClassVar[str] = "not_for_you"


class UsedAlready(Refusal):
    """A voucher is used once."""

    code: ClassVar[str] = "voucher_used"


class Expired(Refusal):
    """The voucher's time of use is over."""

    code: ClassVar[str] = "voucher_expired"


class NotHere(Refusal):
    """The voucher is for another project or provider."""

    code: ClassVar[str] = "voucher_not_here"


class StillAlive(Refusal):
    """A batch is not settled while vouchers of it can still cost money."""

    code: ClassVar[str] = "vouchers_alive"


@dataclass(eq=False)
class TooManyTries(Refusal):
    """Too many wrong codes; `retry_after` is the wait in seconds."""

    retry_after: int = 60

    code: ClassVar[str] = "too_many_tries"
    status: ClassVar[int] = 429
    decided: ClassVar[bool] = False
