"""Forms of the finance and recovery desks: budgets, closings, cases, corrections."""

from __future__ import annotations

from typing import Any

from django import forms

from zhaoliang.funds.models import BudgetOrder, FundSource
from zhaoliang.kernel.money import format_yuan
from zhaoliang.policy import Decision, Outcome
from zhaoliang.recoveries.models import Correction, RecoveryCase
from zhaoliang.recoveries.states import RECOVERY_CASE
from zhaoliang.web.bureau.forms import ANY, Filter, YuanField, date_field
from zhaoliang.web.components.forms import PlainForm, offer


def text(label: str, **given: Any) -> forms.CharField:
    """A reason of some lines."""
    return forms.CharField(label=label, max_length=500, widget=forms.Textarea(attrs={"rows": 2}), **given)


def _account_number(label: str, **given: Any) -> forms.CharField:
    """A bank account's number, which the browser must not keep."""
    attrs = {"inputmode": "numeric", "autocomplete": "off"}
    return forms.CharField(label=label, max_length=50, widget=forms.TextInput(attrs=attrs), **given)


class AllocateForm(PlainForm):
    """Money that arrives in a budget account."""

    nature = forms.ChoiceField(label="性质", choices=BudgetOrder.NATURES[:3], initial="allocate")
    amount_fen = YuanField(label="金额（元）")
    memo = forms.CharField(label="依据", max_length=200, help_text="预算文件名称或文号。")


class MoveForm(PlainForm):
    """Budget that goes back, or on to the next year."""

    amount_fen = YuanField(label="金额（元）")
    memo = forms.CharField(label="依据", max_length=200, help_text="文件名称或文号。")


class SendForm(MoveForm):
    """Budget for another region."""

    to_region = forms.IntegerField(label="调入地区代码", help_text="六位行政区划代码。")


class ReceiveForm(PlainForm):
    """Budget that another region sent."""

    reference = forms.CharField(label="调剂编号", max_length=40)


class ClosingForm(PlainForm):
    """The day the books are closed through."""

    through = date_field("结到哪一天", help_text="一个已经过完的月份的最后一天；12月31日即结全年。")


class CaseFilter(Filter):
    """Recovery cases by state and payee."""

    state = forms.ChoiceField(
        label="状态", required=False, choices=[("open", "未办结"), ANY, *RECOVERY_CASE.states.items()], initial="open"
    )
    text = forms.CharField(label="退还人或单位", required=False, max_length=60)


class AgreeForm(PlainForm):
    """How it is given back."""

    way = forms.ChoiceField(label="退还方式", choices=RecoveryCase.WAYS, widget=forms.RadioSelect, initial="once")
    parts = forms.IntegerField(
        label="分几期", initial=1, min_value=1, max_value=36, help_text="每月一期；一次退还填 1。"
    )
    first_on = date_field("第一期最迟")
    note = text("约定说明")


class NoteForm(PlainForm):
    """Why."""

    note = text("理由")


class HandOverForm(PlainForm):
    """To whom a case goes."""

    to = forms.CharField(label="移送机关", max_length=120)
    note = text("移送理由")


class ReceiptForm(PlainForm):
    """Money that came back by the bank."""

    amount_fen = YuanField(label="金额（元）")
    received_on = date_field("到账日期")
    bank_reference = forms.CharField(label="银行流水号", max_length=60)


class SetOffForm(PlainForm):
    """The approved line that is kept."""

    line = forms.TypedChoiceField(label="从哪一条应付补贴中抵扣", coerce=int)

    def __init__(self, lines: list[tuple[int, str]], *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        offer(self, "line", lines)


class CorrectionForm(PlainForm):
    """Another amount for a line, by decision; what the rules come to now stands in it."""

    cause = forms.ChoiceField(label="原因", choices=Correction.CAUSES)
    amount_fen = YuanField(label="更正后应得金额（元）", help_text="完全不应给予的填 0。")
    text = text("理由和依据条款")

    def __init__(self, data: Any, worth: Decision | None) -> None:
        super().__init__(data)
        if worth is None or worth.fen is None:
            return
        fen = 0 if worth.outcome is Outcome.FAIL else max(0, worth.fen)
        self.fields["amount_fen"].initial = fen
        clause = f"（{worth.refusals[0].citation}）" if worth.refusals else ""
        self.fields[
            "amount_fen"
        ].help_text = f"按现在的事实和现行文本重算为 {format_yuan(fen)}{clause}。完全不应给予的填 0。"


class PayingAccountForm(PlainForm):
    """The account a fund is to be paid from."""

    fund_source = forms.ChoiceField(label="资金渠道", choices=FundSource.choices)
    bank_name = forms.CharField(label="开户银行", max_length=120)
    bank_code = forms.CharField(
        label="联行号", max_length=20, required=False, help_text="十二位，用 ISO 20022 pain.001 送银行时需要。"
    )
    account_name = forms.CharField(label="户名", max_length=120)
    account_number = _account_number("账号")


class ConfirmAccountForm(PlainForm):
    """The number once more, from the bank's paper."""

    account_number = _account_number("对照开户资料再输一次账号", help_text="页面上只显示尾号，输入一致才能启用。")


class ReportFilter(Filter):
    """The year and fund of a report."""

    year = forms.IntegerField(label="年度", required=False, min_value=2000, max_value=2100)
    fund_source = forms.ChoiceField(label="资金渠道", required=False, choices=[ANY, *FundSource.choices])
    by = forms.ChoiceField(
        label="按什么分",
        required=False,
        choices=[
            ("source", "资金渠道"),
            ("region", "地区"),
            ("group", "人员类别"),
            ("project", "项目"),
            ("enterprise", "企业职工教育经费"),
        ],
    )
