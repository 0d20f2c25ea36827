"""验券: is this voucher genuine, good, and good here? Every question is logged; guessing is slowed down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day, format_cn_time
from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Organisation
from zhaoliang.registry.standing import Gate, standing_on
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.qr import SCREEN, QrProblem, is_qr
from zhaoliang.vouchers.refusals import too_many_tries
from zhaoliang.vouchers.selectors import concerns, read_qr
from zhaoliang.vouchers.states import VOUCHER

_ENDED = {"redeemed": "核销，补贴已经拨付，唯一码失效", "returned": "由持券人退回", "void": "作废"}


@dataclass(frozen=True)
class VerifyAnswer:
    """What a verification says. `answer` is a stable word, `says` a Chinese sentence, `good_for` what the voucher may
    still be used for ('' when nothing). `voucher` is given only to who may see it: its provider, or the bureau."""

    voucher: Voucher | None
    answer: str
    says: str
    good_for: str = ""


@act(
    "vouchers.verify",
    label="验券",
    grants={
        Role.PROVIDER: Reach.ORGANISATION,
        Role.PARTNER: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.APPROVER: Reach.REGION,
        Role.INSPECTOR: Reach.REGION,
        Role.SYSTEM: Reach.ANY,
    },
    on="place",
)
def verify_voucher(
    *, actor: Actor, at: datetime, place: Place, code: str, organisation: Organisation | None, method: str
) -> VerifyAnswer:
    """Answer what `code` (typed) or a QR token (scanned) is worth, for `organisation` or, without one, for the bureau.

    A used voucher becomes verified when its own provider asks (方案 一（一）3（3）). `method` is typed, scanned, api or
    public. Wrong codes are answers, not refusals, and logged. Raises TooManyTries (429) after ten wrong codes in a minute
    of one account or one organisation, Forbidden for asking in another organisation's name,
    Barred while no training may go on there. Takes no idempotency key.
    """
    if organisation is not None and place.organisation_id != organisation.pk and not actor.has(Role.SYSTEM):
        raise Forbidden("不能以别的机构的名义验券。", "您的账号不属于这家机构。", "请用本机构的账号验券。")
    if organisation is not None:
        standing_on(organisation, chinese_day(at)).require(Gate.VOUCHER)
    read = read_given(code, at)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT answer, voucher_id, voucher_city, state, use_until, used_at, project_name, retry_at, ended_at, used_where"
            " FROM verify_vouchers(%s, %s, %s, %s, %s::text[], %s::text[], %s::text[], %s, %s::timestamptz[])",
            [
                place.city_code,
                organisation.pk if organisation else None,
                actor.user_id,
                actor.name,
                [read.asked],
                [read.known],
                [method],
                at,
                [read.shown],
            ],
        )
        found: Any = cursor.fetchone()
    word, voucher_id, voucher_city, state, use_until, used_at, project_name, retry_at, ended_at, used_where = found
    if word == "too_many":
        raise too_many_tries(seconds_until(retry_at, at))
    says, good_for = worth(
        word,
        problem=read.problem,
        state=state,
        use_until=use_until,
        used_at=used_at,
        project_name=project_name,
        here=organisation is not None,
        ended_at=ended_at,
        used_where=used_where,
    )
    if voucher_id is None or read.known is not None or word in ("other_city", "replayed"):
        return VerifyAnswer(None, word, says)
    voucher = Voucher.objects.select_related("batch__project__provider", "provider", "person").get(
        city_code=voucher_city, pk=voucher_id
    )
    answer = VerifyAnswer(voucher, word, says, good_for)
    return answer if _may_see(answer, organisation, method) else VerifyAnswer(None, word, says)


@dataclass(frozen=True)
class Given:
    """What somebody asks about: a code to look up, or the answer that is known without looking (`problem` says why)."""

    # Only of a token that is good now: whoever acts on it needs to look at nothing else.
    code: str | None
    known: str | None = None
    problem: str = ""
    # When the QR on a screen was issued; None for paper and typed codes.
    shown: datetime | None = None
    # Of a genuine token that came too late: whose holder shall see the question.
    whose: str | None = None

    @property
    def asked(self) -> str | None:
        """The code that is asked about, be its token good or too late."""
        return self.code or self.whose


def read_given(text: str, at: datetime) -> Given:
    """A typed code or a scanned QR token, read."""
    try:
        if not is_qr(text):
            return Given(str(parse_code(text)))
        read = read_qr(text, at)
        return Given(read.code, shown=datetime.fromtimestamp(read.moment, tz=UTC) if read.kind == SCREEN else None)
    except QrProblem as problem:
        return Given(None, problem.answer, problem.what, whose=problem.code)
    except InvalidIdentifier as problem:
        return Given(None, "malformed", f"{problem.what}{problem.why}{problem.next_step}")


def seconds_until(retry_at: datetime, at: datetime) -> int:
    """How long to wait, in whole seconds, at least one."""
    return max(1, int((retry_at - at).total_seconds()) + 1)


def worth(
    answer: str,
    *,
    problem: str,
    state: str | None,
    use_until: datetime | None,
    used_at: datetime | None,
    project_name: str | None,
    here: bool,
    ended_at: datetime | None,
    used_where: str | None,
) -> tuple[str, str]:
    """What an answer of verify_vouchers says in Chinese, and what the voucher is good for ('' for nothing).

    `here`: an organisation asks, so that a verified voucher was used at the asker's. `used_where`: the place of its use as the
    asker may know it, None for a voucher that was not used.
    """
    if problem:
        return problem, ""
    if answer == "not_found":
        return "没有这张券，可能是伪造的。请让持券人打开“我的培训券”出示二维码。", ""
    if answer == "other_city":
        return "这是别的城市发放的券，本市不能使用。", ""
    if answer == "replayed":
        return "这个二维码刚在别的机构出示过，可能是转发的截图。请持券人刷新后重新出示。", ""
    if answer in _ENDED:
        when = f"已于 {format_cn_time(ended_at)} " if ended_at else "已"
        use = f"；它在{used_where}使用过" if used_where else ""
        return f"真券，但不能再用：{when}{_ENDED[answer]}{use}。", ""
    if answer == "not_here":
        return "真券，但不能在本机构使用。请持券人到券面写明的机构报名。", ""
    assert use_until is not None
    until = format_cn_time(use_until)
    if answer == "expired":
        return f"真券，但已过期：使用截止 {until}。", ""
    if answer == "good":
        good_for = f"可用于“{project_name}”，使用截止 {until}"
        return f"真券，还没有使用，{good_for}。", good_for
    assert used_at is not None
    assert state is not None
    used = format_cn_time(used_at)
    if answer == "used":
        return f"真券，但已于 {used} 在{used_where}使用，不能再用。", ""
    if here:
        return f"真券，已于 {used} 在本机构使用，验证通过。", ""
    return f"真券，已于 {used} 使用，现在“{VOUCHER.states[state]}”。", ""


def _may_see(answer: VerifyAnswer, organisation: Organisation | None, method: str) -> bool:
    if answer.voucher is None or method == "public":
        return False
    if organisation is None:
        return True
    return concerns(answer.voucher, organisation)
