"""What a worker types on the phone pages."""

from __future__ import annotations

from django import forms

from zhaoliang.web.components.forms import PlainForm


class ClaimForm(PlainForm):
    """The one box to tick before a voucher is claimed."""

    declared = forms.BooleanField(label="我已阅读上面的承诺，内容属实。")


class SignInForm(forms.Form):
    """What the phone sends with a sign-in. All may be missing: a phone without location still signs in, and is looked at."""

    longitude = forms.DecimalField(required=False, max_digits=9, decimal_places=6, min_value=-180, max_value=180)
    latitude = forms.DecimalField(required=False, max_digits=8, decimal_places=6, min_value=-90, max_value=90)
    signed_at = forms.IntegerField(required=False, min_value=0)
