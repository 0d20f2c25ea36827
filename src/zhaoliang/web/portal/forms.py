"""What visitors may type on the public site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms

from zhaoliang.classes.facts import FactValue
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.policy import Fact, FactSchema
from zhaoliang.web.components.forms import PlainForm, offer

# What is counted (次, 人, 周岁) the labels say themselves.
_UNIT_WORDS = {"years": "年", "months": "月", "days": "天", "hours": "课时"}
_SAID_BY_LABEL = ("岁", "年数", "年份", "月数", "天数")
LEVELS = [("", "全部等级"), *((str(level.value), level.label) for level in SkillLevel)]


class ProjectFilter(forms.Form):
    """Filters of the project list; they live in the address."""

    q = forms.CharField(label="学什么", required=False, max_length=60)
    region = forms.ChoiceField(label="地区", required=False)
    level = forms.ChoiceField(label="等级", required=False, choices=LEVELS)
    voucher = forms.BooleanField(label="现在能领培训券", required=False)
    places = forms.BooleanField(label="有班可报", required=False)

    def __init__(self, *args: Any, regions: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "region", regions)


class TextFilter(forms.Form):
    """A search text and a region."""

    q = forms.CharField(label="名称", required=False, max_length=60)
    region = forms.ChoiceField(label="地区", required=False)

    def __init__(self, *args: Any, regions: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "region", regions)


class CheckForm(PlainForm):
    """One field for a certificate number or a voucher code; the name only goes with a certificate."""

    number = forms.CharField(
        label="证书编号或券码",
        max_length=400,  # a scanned QR text is much longer than a typed code
        help_text="证书编号在证书正面，券码在培训券二维码下方。空格、横线、大小写都不影响。",
    )
    name = forms.CharField(label="持证人姓名", max_length=60, required=False, help_text="查证书要填，查培训券不用填。")


class ObjectionForm(PlainForm):
    """An objection to a published claim."""

    text = forms.CharField(
        label="异议内容",
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="写清楚哪一位、哪里不对、您怎么知道的。",
    )
    contact = forms.CharField(
        label="联系方式",
        max_length=120,
        required=False,
        help_text="留下电话或邮箱，工作人员核实后告诉您结果。不公开。",
    )


UNKNOWN = ("", "不知道")
YES, NO = "yes", "no"
# A long life or a long career; more is a slip of the finger.
MOST = 1200


class AnswersForm(PlainForm):
    """What somebody answers about himself to see what he can get: one optional field a fact (see `answers_form`)."""

    schema: FactSchema

    @property
    def facts(self) -> Mapping[str, FactValue]:
        """The answers given, by the names of the facts; what is not known is left out."""
        given = {name: value for name, value in self.cleaned_data.items() if value not in ("", None)}
        bools = {name for name in given if self.schema.facts[name].type.kind == "bool"}
        return {name: value == YES if name in bools else value for name, value in given.items()}


def answers_form(schema: FactSchema, names: Iterable[str], data: Mapping[str, Any] | None) -> AnswersForm:
    """A form that asks for these facts; 不知道 is an answer to each."""
    fields = {name: _answer_field(schema, schema.facts[name]) for name in names}
    return type("AnswersForm", (AnswersForm,), {"schema": schema, **fields})(data or None)


def _answer_field(schema: FactSchema, fact: Fact) -> forms.Field:
    unit = (
        _UNIT_WORDS.get(fact.unit) if fact.type.kind == "number" and not fact.label.endswith(_SAID_BY_LABEL) else None
    )
    label = f"{fact.label}（{unit}）" if unit else fact.label
    shared: dict[str, Any] = {"label": label, "required": False, "help_text": fact.meaning}
    match fact.type.kind:
        case "bool":
            return forms.ChoiceField(choices=[UNKNOWN, (YES, "是"), (NO, "否")], **shared)
        case "enum":
            return forms.ChoiceField(choices=[UNKNOWN, *schema.codes[fact.type.enum].items()], **shared)
        case "date":
            return forms.DateField(widget=forms.DateInput(attrs={"type": "date"}), **shared)
    return forms.IntegerField(min_value=0, max_value=MOST, **shared)
