"""The document that goes with a recovery case to the authorities, put together from what the platform holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zhaoliang.funds.models import Transfer
from zhaoliang.kernel.masking import mask_id
from zhaoliang.kernel.models import StateChange
from zhaoliang.kernel.money import format_yuan
from zhaoliang.payments.selectors import bank_rows_behind, payments_of
from zhaoliang.recoveries.models import RecoveryCase
from zhaoliang.recoveries.selectors import CasePage
from zhaoliang.recoveries.services.opening import CASE
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.registry.selectors import notices_of, region_names
from zhaoliang.subsidies.models import Evidence
from zhaoliang.subsidies.selectors import evidence_of
from zhaoliang.web.components import formats
from zhaoliang.web.recovering import rate_words

EVIDENCE_KINDS, TRANSFER_KINDS = dict(Evidence.KINDS), dict(Transfer.KINDS)
TEMPLATE = Path(__file__).resolve().parent / "typst" / "handover.typ"
GROUND = (
    "国务院就业促进和劳动保护工作领导小组 2025年6月20日意见 六（十八）：对骗取套取补贴资金等违规违法行为的机构或个人，"
    "应追回补贴资金并依法查处，涉嫌犯罪的，移送司法机关处理；人社部发〔2025〕10号（十一）。"
)


def number_of(case: RecoveryCase) -> str:
    """The document's number: the city's key and the case's."""
    return f"移送〔{case.opened_at.year}〕{case.city_code}-{case.pk}"


def document(shown: CasePage) -> dict[str, Any]:
    """What the template prints. The name is whole, the identity number masked: the rest is given at a written request."""
    case = shown.case
    office = region_names([case.region_code]).get(case.region_code, str(case.region_code))
    return {
        "title": "涉嫌违法违规领取补贴案件移送书",
        "number": number_of(case),
        "draft": case.handed_at is None,
        "to": case.handed_to,
        "opening": f"{office}人力资源社会保障部门在补贴资金监管中发现下列情况，"
        f"应追回的 {format_yuan(case.amount_fen)} 尚有 {format_yuan(case.owed_fen)} 没有退还。现将案件移送，请依法处理。",
        "who": _who(case),
        "why": [
            ("申领", f"{case.claim_line.claim.title}（明细 {case.claim_line_id}）"),
            ("查明的变化", case.difference.summary),
            ("移送理由", case.hand_over_reason),
            ("条款", case.clause or "由两人作出的更正决定"),
            ("移送依据", GROUND),
        ],
        "amounts": _amounts(shown),
        "notices": _notices(shown),
        "evidence": [(str(at), what, which) for at, (what, which) in enumerate(_evidence(shown), start=1)],
        "note": "证件号码按最小必要部分隐藏；办案需要完整号码和原始材料的，凭办案机关书面函件调取，每次查看都有记录。",
        "signed": [
            (RECOVERY_CASE.events[one.event], f"{one.actor_name} {formats.cn_datetime(one.at)}")
            for one in _signed(shown)
        ],
    }


def _signed(shown: CasePage) -> list[StateChange]:
    """The last proposal and its approval; who signed an earlier one has not signed this document."""
    found: list[StateChange] = []
    for one in shown.timeline:
        if one.event == "propose_hand_over":
            found = [one]
        elif one.event == "hand_over":
            found.append(one)
    return found


def _who(case: RecoveryCase) -> list[tuple[str, str]]:
    if case.organisation is not None:
        return [("单位", case.organisation.name), ("统一社会信用代码", case.organisation.uscc)]
    person = case.person or case.claim_line.person
    return [
        ("姓名", person.name),
        ("证件", f"{person.get_document_type_display()} {mask_id(person.document_number)}"),
    ]


def _amounts(shown: CasePage) -> list[tuple[str, str, str]]:
    case = shown.case
    back = "；".join(f"{formats.cn_date(one.received_on)} {format_yuan(one.amount_fen)}" for one in shown.receipts)
    found = [
        ("原发放", "按当时的事实", format_yuan(case.difference.before_fen)),
        ("现应得", "按查明的事实", format_yuan(case.difference.after_fen or 0)),
        ("应追回", "", format_yuan(case.amount_fen)),
        ("已退还", back or "没有退还", format_yuan(case.collected_fen)),
        ("尚欠", "", format_yuan(case.owed_fen)),
    ]
    found += [
        (
            "占用",
            f"{format_yuan(one.base_fen)}，{formats.cn_date(one.since)} 至 {formats.cn_date(one.until)}，{one.days} 天，"
            f"日利率 {rate_words(one.daily_rate)}；{one.clause or '没有条款规定利率'}",
            format_yuan(one.amount_fen),
        )
        for one in shown.interest
    ]
    return found


def _notices(shown: CasePage) -> list[tuple[str, str]]:
    case = shown.case
    payee = {"organisation": case.organisation} if case.organisation is not None else {"person": case.person}
    notices = notices_of(city_code=case.city_code, **payee).filter(subject_type=CASE, subject_id=case.pk)
    told = [(one.at, f"通知：{one.title}。{one.text}") for one in notices]
    signed = {one.pk for one in _signed(shown)}
    moved = [
        (one.at, f"{RECOVERY_CASE.events[one.event]}（{one.actor_name}）")
        for one in shown.timeline
        if one.event != "notice" and one.pk not in signed
    ]
    said = [(case.replied_at, f"对方回复：{case.reply}")] if case.replied_at else []
    return [(formats.cn_date(at), text) for at, text in sorted([*told, *moved, *said], key=lambda row: row[0])]


def _evidence(shown: CasePage) -> list[tuple[str, str]]:
    case = shown.case
    line, difference = case.claim_line, case.difference
    found = [("补贴决定和所用事实", f"明细 {line.pk}")]
    if difference.decision is not None:
        found.append(("按新事实重新作出的决定", f"决定 {difference.decision.pk}"))
    if difference.correction is not None:
        found.append(("两人作出的更正决定", f"更正 {difference.correction.pk}：{difference.correction.text}"))
    found += [
        ("拨付记录", f"{one.reference}，{format_yuan(one.amount_fen)}，{one.account_masked}，{_paid_on(one)}")
        for one in payments_of(line)
    ]
    found += [("银行回单", f"流水号 {row.bank_reference or row.pk}") for row in bank_rows_behind(line)]
    found += [
        (f"材料：{EVIDENCE_KINDS[one.kind]}", f"{one.file_name}，SHA-256 {one.sha256}")
        for one in evidence_of(line.claim)
        if one.line_id in (None, line.pk)
    ]
    found += [
        (f"分录：{TRANSFER_KINDS[one.kind]}", f"{one.pk}，{formats.cn_date(one.at)}，{format_yuan(one.amount_fen)}")
        for one in shown.transfers
    ]
    return found


def _paid_on(payment: Any) -> str:
    return f"{formats.cn_date(payment.settled_at)} 到账" if payment.settled_at else "没有到账"
