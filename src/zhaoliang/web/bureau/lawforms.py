"""Forms of policy texts: begin one, change it, decide on it."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms

from zhaoliang.web.bureau.forms import date_field
from zhaoliang.web.components.forms import PlainForm


class Days(PlainForm):
    """First and last day of a text."""

    valid_from = date_field("施行日期", help_text="批准的第二天起才能施行；以前开班的仍按开班日的规定。")
    valid_to = date_field("有效期至", required=False, help_text="没有期限的不填。")


class RevisionForm(Days):
    """Begin the next version of a text."""

    purpose = forms.CharField(
        label="为什么改",
        max_length=300,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="一句话，批准的人先看到它。",
    )
    field_order = ("purpose", "valid_from", "valid_to")


class DocumentForm(PlainForm):
    """Begin a new document, or one that ends another."""

    title = forms.CharField(label="文件标题", max_length=120)
    number = forms.CharField(label="文号", max_length=80, required=False)
    issuers = forms.CharField(label="制定机关", max_length=200, help_text="几个机关用顿号分开。")
    clause = forms.CharField(label="第一条正文", max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    valid_from = date_field("施行日期")
    purpose = forms.CharField(label="为什么", max_length=300, widget=forms.Textarea(attrs={"rows": 2}))
    folder = forms.CharField(
        label="简称（用在网址里）", max_length=60, help_text="小写字母、数字和短横，如 jinrenshe-2027-1；定下以后不改。"
    )

    def __init__(self, *args: Any, repealed: str = "", at: date | None = None, **given: Any) -> None:
        super().__init__(*args, **given)
        if repealed and at is not None:
            self.fields["title"].initial = f"关于废止《{repealed}》的通知"
            self.fields["clause"].initial = f"《{repealed}》自施行之日起废止；此前已经开班的，仍按开班时的规定执行。"


class TextForm(PlainForm):
    """The whole text."""

    content = forms.CharField(
        label="全文",
        max_length=1_000_000,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 32, "spellcheck": "false", "class": "code-area", "wrap": "off"}),
    )


class TableUpload(PlainForm):
    """A table as a workbook."""

    file = forms.FileField(label="填好的表格（.xlsx）", widget=forms.FileInput(attrs={"accept": ".xlsx"}))


class DecisionForm(PlainForm):
    """Who decided that a rule by hukou or residence binds all the same."""

    by = forms.CharField(label="作出决定的机关", max_length=120)
    number = forms.CharField(label="决定的文号", max_length=80)
    on = date_field("决定日期")
    text = forms.CharField(
        label="决定的内容",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="写明依据本地哪份文件哪一条。",
    )
