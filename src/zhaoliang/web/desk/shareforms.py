"""Forms of cost sharing. Amounts are typed in yuan and handed on in fen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from zhaoliang.classes.models import Enrolment
from zhaoliang.sharing.models import ShareReceipt
from zhaoliang.web.components.forms import PlainForm, YuanField, offer


def _date() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


def _per_cent(label: str, initial: int) -> forms.DecimalField:
    return forms.DecimalField(label=label, min_value=0, max_value=100, max_digits=5, decimal_places=2, initial=initial)


class SharesForm(PlainForm):
    """The price per person and its three shares in per cent."""

    price_fen = YuanField(label="每人收费（元）")
    government = _per_cent("政府补（%）", 60)
    enterprise = _per_cent("企业出（%）", 20)
    person = _per_cent("个人付（%）", 20)
    document = forms.CharField(label="依据", max_length=200, help_text="例如收费批准文号、三方协议编号。")

    def __init__(self, *args: Any, fee_fen: int) -> None:
        super().__init__(*args)
        self.fields["price_fen"].initial = fee_fen or None


class ReceiptForm(PlainForm):
    """A receipt for one trainee, or of an enterprise for several."""

    payer = forms.ChoiceField(label="谁出的", choices=ShareReceipt.PAYERS, initial="person", widget=forms.RadioSelect)
    payer_name = forms.CharField(label="企业名称（企业出的才填）", max_length=120, required=False)
    people = forms.TypedMultipleChoiceField(
        label="为谁缴的",
        coerce=int,
        widget=forms.CheckboxSelectMultiple,
        help_text="企业可以一次为多人缴，平均分到每个人。",
    )
    total_fen = YuanField(label="收据金额（元）")
    paid_on = forms.DateField(label="缴费日期", widget=_date())
    number = forms.CharField(label="收据号", max_length=60)

    def __init__(self, *args: Any, roster: Sequence[Enrolment]) -> None:
        super().__init__(*args)
        self._people = {one.pk: one for one in roster}
        names = [(one.pk, one.person.name) for one in roster]
        offer(self, "people", names)

    def chosen(self) -> dict[str, Any]:
        """What `enter_receipt` is given."""
        return self.cleaned_data | {"people": [self._people[pk] for pk in self.cleaned_data["people"]]}


class RefundForm(PlainForm):
    """What was given back."""

    payer = forms.ChoiceField(label="退给谁", choices=ShareReceipt.PAYERS)
    amount_fen = YuanField(label="退费金额（元）")
    paid_on = forms.DateField(label="退费日期", widget=_date())
    number = forms.CharField(label="退费凭证号", max_length=60)
