"""验券: is this voucher genuine, good, and good here? Every question is logged; guessing is slowed down."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import format_cn_time
from zhaoliang.kernel.errors import Forbidden
from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.models import Organisation
from zhaoliang.vouchers.models import Voucher, VoucherCheck
from zhaoliang.vouchers.refusals import TooManyTries
from zhaoliang.vouchers.selectors import QrProblem, concerns, is_qr, read_qr, voucher_by_code
from zhaoliang.vouchers.states import VOUCHER

TRIES, WINDOW = 10, timedelta(minutes=1)
# Wrong answers that only a guesser collects: typing errors are caught by the code's check character before.
GUESSES = ("not_found", "forged")

_ENDED = {"redeemed": "补贴已经拨付，券已核销，唯一码失效。", "returned": "持券人已退券。", "void": "这张券已作废。"}


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
    of one account or one organisation, Forbidden for asking in another organisation's name. Takes no idempotency key.
    """
    if organisation is not None and place.organisation_id != organisation.pk and not actor.has(Role.SYSTEM):
        raise Forbidden("不能以别的机构的名义验券。", "您的账号不属于这家机构。", "请用本机构的账号验券。")
    _refuse_guessing(actor, at, place, organisation)
    answer = _answer(code, at, place, organisation, for_all=method == "public")
    voucher = answer.voucher
    if voucher and organisation and voucher.state == "used" and voucher.provider_id == organisation.pk:
        held = Voucher.objects.select_for_update(of=("self",), no_key=True).get(
            city_code=voucher.city_code, pk=voucher.pk
        )
        if held.state == "used":
            VOUCHER.fire(held, "verify", verified_at=at)
            voucher.state, voucher.verified_at = held.state, at
    VoucherCheck.objects.create(
        city_code=place.city_code,
        voucher=voucher if voucher and voucher.city_code == place.city_code else None,
        organisation=organisation,
        actor_user_id=actor.user_id,
        method=method,
        answer=answer.answer,
        at=at,
    )
    return answer if _may_see(answer, organisation, method) else VerifyAnswer(None, answer.answer, answer.says)


def _may_see(answer: VerifyAnswer, organisation: Organisation | None, method: str) -> bool:
    if answer.voucher is None or method == "public":
        return False
    if organisation is None:
        return True
    return concerns(answer.voucher, organisation)


def _answer(code: str, at: datetime, place: Place, organisation: Organisation | None, *, for_all: bool) -> VerifyAnswer:
    try:
        text = read_qr(code, at) if is_qr(code) else str(parse_code(code))
    except QrProblem as problem:
        return VerifyAnswer(None, problem.answer, problem.what)
    except InvalidIdentifier as problem:
        return VerifyAnswer(None, "malformed", str(problem))
    voucher = voucher_by_code(text)
    if voucher is None:
        return VerifyAnswer(None, "not_found", "没有这张券，可能是伪造的。请让持券人打开“我的培训券”出示二维码。")
    if voucher.city_code != place.city_code:
        return VerifyAnswer(None, "other_city", "这是别的城市发放的券，本市不能使用。")
    return _worth(voucher, at, organisation, for_all=for_all)


def _worth(voucher: Voucher, at: datetime, organisation: Organisation | None, *, for_all: bool) -> VerifyAnswer:
    project, until = voucher.batch.project, format_cn_time(voucher.batch.use_until)
    if voucher.state in _ENDED:
        return VerifyAnswer(voucher, voucher.state, f"真券，但不能再用：{_ENDED[voucher.state]}")
    if voucher.state == "expired" or (voucher.state == "claimed" and at > voucher.batch.use_until):
        return VerifyAnswer(voucher, "expired", f"真券，但已过期：使用截止 {until}。")
    if voucher.state == "claimed":
        if organisation is not None and organisation.pk != project.provider_id:
            return VerifyAnswer(voucher, "not_here", "真券，但不能在本机构使用。请持券人到券面写明的机构报名。")
        good_for = f"可用于“{project.name}”，使用截止 {until}"
        return VerifyAnswer(voucher, "good", f"真券，还没有使用，{good_for}。", good_for)
    assert voucher.used_at is not None
    used = format_cn_time(voucher.used_at)
    if organisation is not None and organisation.pk == voucher.provider_id:
        return VerifyAnswer(voucher, "verified", f"真券，已于 {used} 在本机构使用，验证通过。")
    if organisation is None and not for_all:
        return VerifyAnswer(voucher, "verified", f"真券，已于 {used} 使用，现在“{VOUCHER.states[voucher.state]}”。")
    return VerifyAnswer(voucher, "used", f"真券，但已于 {used} 使用，不能再用。")


def _refuse_guessing(actor: Actor, at: datetime, place: Place, organisation: Organisation | None) -> None:
    """Ten wrong codes a minute, by account and by organisation; who holds the voucher is not touched by it."""
    asked: list[tuple[str, int, Q]] = []
    if actor.user_id is not None:
        asked.append(("user", actor.user_id, Q(actor_user_id=actor.user_id)))
    if organisation is not None:
        asked.append(("organisation", organisation.pk, Q(organisation=organisation)))
    for who, number, mine in asked:
        # One at a time for each asker, or tries at the same moment would not see each other.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"verify:{place.city_code}:{who}:{number}"]
            )
        tries = VoucherCheck.objects.filter(
            mine, city_code=place.city_code, answer__in=GUESSES, at__gt=at - WINDOW, at__lte=at
        )
        times = list(tries.order_by("-at").values_list("at", flat=True)[:TRIES])
        if len(times) == TRIES:
            wait = max(1, int((times[-1] + WINDOW - at).total_seconds()) + 1)
            raise TooManyTries(
                "暂时不能继续验券。",
                f"一分钟内有 {TRIES} 次券码查不到，为防止猜码先停一下。",
                f"请 {wait} 秒后再试，最好直接扫描持券人出示的二维码。",
                retry_after=wait,
            )
