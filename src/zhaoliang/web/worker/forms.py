"""What a worker types on the phone pages."""

from __future__ import annotations

from django import forms

from zhaoliang.evaluation.selectors import MARKS
from zhaoliang.kernel.errors import BadInput
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.components.places import PlacedForm


class ClaimForm(PlainForm):
    """The one box to tick before a voucher is claimed."""

    declared = forms.BooleanField(label="我已阅读上面的承诺，内容属实。")


class SignInForm(PlacedForm):
    """What the phone sends with a sign-in. All may be missing: a phone without location still signs in, and is looked at."""

    longitude = forms.DecimalField(required=False, max_digits=9, decimal_places=6, min_value=-180, max_value=180)
    latitude = forms.DecimalField(required=False, max_digits=8, decimal_places=6, min_value=-90, max_value=90)
    signed_at = forms.IntegerField(required=False, min_value=0)


class StretchForm(forms.Form):
    """A stretch of a lesson that was played, in seconds from its beginning."""

    from_second = forms.IntegerField(min_value=0)
    to_second = forms.IntegerField(min_value=0)

    def stretch(self) -> dict[str, int]:
        """Both ends. Raises BadInput."""
        if not self.is_valid():
            raise BadInput("进度没有记录。", "起止秒数不对。", "请刷新这一页再学。")
        return {"from_second": self.cleaned_data["from_second"], "to_second": self.cleaned_data["to_second"]}


MARK_WORDS = [(5, "很好"), (4, "好"), (3, "一般"), (2, "不太好"), (1, "差")]


class OpinionForm(PlainForm):
    """What a trainee thinks of the class."""

    teaching = forms.TypedChoiceField(label=MARKS["teaching"], choices=MARK_WORDS, coerce=int, widget=forms.RadioSelect)
    practice = forms.TypedChoiceField(label=MARKS["practice"], choices=MARK_WORDS, coerce=int, widget=forms.RadioSelect)
    place = forms.TypedChoiceField(label=MARKS["place"], choices=MARK_WORDS, coerce=int, widget=forms.RadioSelect)
    useful = forms.TypedChoiceField(label=MARKS["useful"], choices=MARK_WORDS, coerce=int, widget=forms.RadioSelect)
    text = forms.CharField(
        label="意见和建议",
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="不显示姓名。",
    )
