"""Acts on budgets: allocated, added to, given as a bonus, returned, carried over, and moved between regions through clearing."""

from __future__ import annotations

from datetime import datetime

from django.db import connection

from zhaoliang.funds.models import Account, BudgetOrder, FundSource, Transfer
from zhaoliang.funds.services.ledger import ensure_account, post_transfer
from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.errors import BadInput, NotFound, Refusal
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.selectors import region

_ALLOCATORS = {Role.FUND_OFFICER: Reach.REGION, Role.FINANCE: Reach.REGION}
_OFFICER = {Role.FUND_OFFICER: Reach.REGION}
ORDER = "budget_order"
# What comes from the appropriation; the others go back, on, or to another region.
GIVEN = ("allocate", "added", "bonus")


@act("funds.allocate", label="下达预算", grants=_ALLOCATORS, on="account")
def allocate(
    *, actor: Actor, at: datetime, account: Account, amount_fen: int, memo: str, nature: str = "allocate"
) -> Transfer:
    """Bring money (fen) into a budget account from the appropriation of its region, fund source and year.

    `nature` is allocate, added (追加) or bonus (奖补, 人社部函〔2021〕14号 九). Raises BadInput unless the account is a budget
    account, the amount is positive and a reason is given.
    """
    what = "预算没有下达。"
    _require_order(account, amount_fen, memo, what)
    if nature not in GIVEN:
        raise BadInput(what, "没有这种下达性质。", "请重新选择。", fields={"nature": "请选择年度预算、追加或奖补。"})
    _order(actor, at, account, amount_fen, memo, nature)
    return post_transfer(
        kind="allocate",
        debit=_appropriation(account),
        credit=account,
        amount_fen=amount_fen,
        at=at,
        subject_type="account",
        subject_id=account.pk,
        memo=_memo(nature, memo),
    )


@act("funds.return_budget", label="缴回预算", grants=_ALLOCATORS, on="account")
def return_budget(*, actor: Actor, at: datetime, account: Account, amount_fen: int, memo: str) -> Transfer:
    """Give unspent budget (fen) back to the appropriation it came from. Raises BadInput, Exhausted."""
    _require_order(account, amount_fen, memo, "预算没有缴回。")
    order = _order(actor, at, account, amount_fen, memo, "return")
    return _post("return", account, _appropriation(account), order, at)


@act("funds.carry_over", label="预算结转下年", grants=_ALLOCATORS, on="account")
def carry_over(*, actor: Actor, at: datetime, account: Account, amount_fen: int, memo: str) -> Transfer:
    """Carry unspent budget (fen) over to the same region's budget of the next year, opened when missing.

    Raises BadInput, Exhausted.
    """
    _require_order(account, amount_fen, memo, "预算没有结转。")
    order = _order(actor, at, account, amount_fen, memo, "carry")
    return _post("allocate", account, _budget(account, account.year + 1), order, at)


@act("funds.send", label="调出预算", grants=_OFFICER, on="account")
def send_budget(
    *, actor: Actor, at: datetime, account: Account, amount_fen: int, memo: str, to_region: int
) -> BudgetOrder:
    """Send budget (fen) to another region: from the account to clearing; the other region's officer receives it.

    The answered order carries the reference the other side needs. Raises BadInput for the own region, NotFound for an
    unknown one, Exhausted.
    """
    what = "预算没有调出。"
    _require_order(account, amount_fen, memo, what)
    found = region(to_region)
    if found.pk == account.region_code:
        raise BadInput(what, "调入地区就是调出地区。", "请选择另一个地区。", fields={"to_region": "请选择另一个地区。"})
    order = _order(actor, at, account, amount_fen, memo, "send", other=(found.city_code, found.pk))
    _post("allocate", account, _clearing(account), order, at)
    return order


@act("funds.receive", label="调入预算", grants=_OFFICER, on="account")
def receive_budget(*, actor: Actor, at: datetime, account: Account, reference: str) -> BudgetOrder:
    """Receive what another region sent under `reference`, once, into a budget of the same fund and year.

    By another person than who sent it. Raises NotFound for an unknown reference, Refusal when it is meant for another
    region or was received, BadInput for a budget of another fund or year, SamePerson.
    """
    what = "预算没有调入。"
    _require_budget(account, what)
    sent = _sent(reference.strip())
    if sent is None:
        raise NotFound(what, "没有这个调剂编号。", "请向调出地区核对编号。")
    require_other_person(actor, person_id=sent.by_person, user_id=sent.by_user, step="调出")
    if sent.other_region != account.region_code:
        raise Refusal(what, "这一笔是调给另一个地区的。", "请由调入地区办理。")
    if (sent.account.fund_source, sent.account.year) != (account.fund_source, account.year):
        said = f"调出的是 {sent.account.year} 年{sent.account.get_fund_source_display()}，资金渠道和年度必须一致。"
        raise BadInput(what, said, "请选择同一渠道、同一年度的预算账户。")
    if BudgetOrder.objects.filter(city_code=account.city_code, reference=sent.reference, nature="receive").exists():
        raise Refusal(what, "这一笔已经调入过了。", "请刷新页面看最新结果。")
    order = BudgetOrder.objects.create(
        city_code=account.city_code,
        nature="receive",
        account=account,
        amount_fen=sent.amount_fen,
        document=sent.document,
        reference=sent.reference,
        other_city=sent.city_code,
        other_region=sent.account.region_code,
        at=at,
        **_who(actor),
    )
    _post("allocate", _clearing(account), account, order, at)
    return order


def _sent(reference: str) -> BudgetOrder | None:
    """The sending half of a pair; its city stands in the reference."""
    city, _, _ = reference.removeprefix("TJ").partition("-")
    if not city.isdecimal() or not city.isascii():
        return None
    rows = BudgetOrder.objects.select_related("account").filter(city_code=int(city), reference=reference, nature="send")
    return rows.first()


def _order(
    actor: Actor,
    at: datetime,
    account: Account,
    amount_fen: int,
    document: str,
    nature: str,
    *,
    other: tuple[int, int] | None = None,
) -> BudgetOrder:
    with connection.cursor() as cursor:
        # The number that the two regions quote holds the row's own id, so it needs no counter.
        cursor.execute("SELECT nextval(pg_get_serial_sequence('budget_order', 'id'))")
        [number] = cursor.fetchone()
    return BudgetOrder.objects.create(
        city_code=account.city_code,
        id=number,
        nature=nature,
        account=account,
        amount_fen=amount_fen,
        document=document.strip(),
        reference=f"TJ{account.city_code}-{number:06d}" if other else "",
        other_city=other[0] if other else None,
        other_region=other[1] if other else None,
        at=at,
        **_who(actor),
    )


def _who(actor: Actor) -> dict[str, int | str | None]:
    return {"by_user": actor.user_id, "by_person": actor.person_id, "by_name": actor.name}


def _post(kind: str, debit: Account, credit: Account, order: BudgetOrder, at: datetime) -> Transfer:
    return post_transfer(
        kind=kind,
        debit=debit,
        credit=credit,
        amount_fen=order.amount_fen,
        at=at,
        subject_type=ORDER,
        subject_id=order.pk,
        memo=_memo(order.nature, f"{order.document} {order.reference}".strip()),
    )


def _memo(nature: str, document: str) -> str:
    return document.strip() if nature == "allocate" else f"{dict(BudgetOrder.NATURES)[nature]}：{document.strip()}"


def _appropriation(account: Account) -> Account:
    return ensure_account(
        city_code=account.city_code,
        region_code=account.region_code,
        code=f"appropriation-{account.region_code}-{account.fund_source}-{account.year}",
        name=f"{account.year} 年{FundSource(account.fund_source).label}财政拨入",
        kind="appropriation",
        fund_source=account.fund_source,
        year=account.year,
    )


def _clearing(account: Account) -> Account:
    return ensure_account(
        city_code=account.city_code,
        region_code=account.city_code,
        code=f"clearing-{account.fund_source}-{account.year}",
        name=f"{account.year} 年{FundSource(account.fund_source).label}地区间清算",
        kind="clearing",
        fund_source=account.fund_source,
        year=account.year,
    )


def _budget(account: Account, year: int) -> Account:
    """The budget account of another year beside this one."""
    found = Account.objects.filter(
        city_code=account.city_code,
        region_code=account.region_code,
        fund_source=account.fund_source,
        year=year,
        kind="budget",
    )
    return found.order_by("id").first() or ensure_account(
        city_code=account.city_code,
        region_code=account.region_code,
        code=f"budget-{account.region_code}-{account.fund_source}-{year}",
        name=f"{year} 年{FundSource(account.fund_source).label}预算",
        kind="budget",
        fund_source=account.fund_source,
        year=year,
    )


def _require_budget(account: Account, what: str) -> None:
    if account.kind != "budget":
        raise BadInput(what, f"“{account.name}”不是预算账户。", "请选择一个预算账户。")


def _require_order(account: Account, amount_fen: int, document: str, what: str) -> None:
    _require_budget(account, what)
    if amount_fen <= 0:
        raise BadInput(
            what,
            f"金额必须大于零，填的是 {format_yuan(amount_fen)}。",
            "请改正后提交。",
            fields={"amount_fen": "金额必须大于零。"},
        )
    if not document.strip():
        raise BadInput(what, "没有写明依据。", "请写上预算文件名称或文号。", fields={"memo": "请填写依据。"})
