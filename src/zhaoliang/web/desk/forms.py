"""Forms of the desk."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.timezone import get_default_timezone, localtime

from zhaoliang.catalogue.models import CatalogueEntry, Project, ProjectKind
from zhaoliang.classes.material import Material
from zhaoliang.classes.models import ClassSession, Enrolment, Teacher
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.states import Machine
from zhaoliang.registry.models import Organisation, Site
from zhaoliang.subsidies.kinds import KINDS
from zhaoliang.subsidies.states import CLAIM
from zhaoliang.web.components.forms import PlainForm, YuanField, offer


def _date() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class StateFilter(PlainForm):
    """Rows in one state of a machine. What the address says besides counts as not said."""

    state = forms.ChoiceField(label="状态", required=False)

    def __init__(self, machine: Machine, *args: Any) -> None:
        super().__init__(*args)
        offer(self, "state", [("", "全部"), *machine.states.items()])

    def wanted(self) -> dict[str, str]:
        """The condition on the rows; none for all of them."""
        state = self.cleaned_data.get("state") if self.is_valid() else ""
        return {"state": state} if state else {}


class ClaimFilter(StateFilter):
    """Claims of one kind and in one state."""

    kind = forms.ChoiceField(label="种类", required=False)
    field_order = ("kind", "state")

    def __init__(self, *args: Any) -> None:
        super().__init__(CLAIM, *args)
        kinds = [(code, kind.label) for code, kind in KINDS.items() if not kind.of_people]
        offer(self, "kind", [("", "全部"), *kinds])

    def wanted(self) -> dict[str, str]:
        """The conditions on the rows; none for all of them."""
        kind = self.cleaned_data.get("kind") if self.is_valid() else ""
        return super().wanted() | ({"kind": kind} if kind else {})


class EducationForm(PlainForm):
    """A year's fund for staff education."""

    year = forms.IntegerField(label="年度")
    provided_fen = YuanField(label="提取（元）")
    spent_fen = YuanField(label="使用（元）")
    front_line_fen = YuanField(label="其中用于一线职工（元）")
    note = forms.CharField(label="说明", max_length=300, required=False)


class ContractForm(PlainForm):
    """The days of a labour contract; without a last day it has no fixed term."""

    from_on = forms.DateField(label="合同开始", widget=_date())
    until = forms.DateField(label="合同到期", required=False, widget=_date())


class AgreementForm(PlainForm):
    """The training agreement of an apprentice, with the days of the labour contract."""

    apprentice = forms.TypedChoiceField(label="学徒", coerce=int)
    signed_on = forms.DateField(label="协议签订日期", widget=_date())
    months = forms.IntegerField(label="培养月数", min_value=1, max_value=60, initial=12)
    enterprise_mentor = forms.CharField(label="企业导师", max_length=60)
    school_mentor = forms.CharField(label="院校导师", max_length=60, required=False)
    contract_from = forms.DateField(label="劳动合同开始", required=False, widget=_date())
    contract_until = forms.DateField(label="劳动合同到期（无固定期限不填）", required=False, widget=_date())
    entrusted = forms.BooleanField(label="委托培训机构承担部分培训", required=False)
    provider_agreement = forms.BooleanField(label="已与培训机构签合作协议", required=False)
    special_case = forms.BooleanField(label="有需要延长期限的特殊情况", required=False)
    collective = forms.BooleanField(label="签的是集体协议", required=False)

    def __init__(self, *args: Any, apprentices: Sequence[Enrolment], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(one.pk, one.person.name) for one in apprentices]
        offer(self, "apprentice", names)


class SchemeForm(PlainForm):
    """How an apprenticeship class is trained, and where."""

    enterprise_base = forms.CharField(label="企业实训基地", max_length=200)
    school_base = forms.CharField(label="院校培训基地", max_length=200, required=False)
    own_centre = forms.BooleanField(label="依托本企业培训中心，没有院校基地", required=False)
    goals = forms.CharField(label="培养目标", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))
    content = forms.CharField(label="培训内容和安排", max_length=1000, widget=forms.Textarea(attrs={"rows": 3}))
    assessment = forms.CharField(label="质量考核标准", max_length=500, widget=forms.Textarea(attrs={"rows": 2}))


class DatesForm(PlainForm):
    """Other days for a draft class."""

    starts_on = forms.DateField(label="开班日期", widget=_date())
    ends_on = forms.DateField(label="结课日期", widget=_date())
    exam_on = forms.DateField(label="考核日期", widget=_date())


class ClassForm(PlainForm):
    """A new class."""

    project = forms.TypedChoiceField(label="培训项目", coerce=int)
    site = forms.TypedChoiceField(label="教学点", coerce=int)
    starts_on = forms.DateField(label="开班日期", widget=_date())
    ends_on = forms.DateField(label="结课日期", widget=_date())
    exam_on = forms.DateField(label="考核日期", widget=_date())
    capacity = forms.IntegerField(label="计划人数", min_value=1, max_value=500)
    responsible_name = forms.CharField(label="负责人", max_length=60)
    responsible_phone = forms.CharField(label="负责人电话", max_length=20)
    exam_method = forms.CharField(label="考核方式", max_length=200, initial="理论闭卷 + 实操")

    def __init__(self, *args: Any, projects: Sequence[Project], sites: Sequence[Site], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "project", [(one.pk, one.name) for one in projects])
        offer(self, "site", [(one.pk, one.name) for one in sites])


class SessionForm(PlainForm):
    """One line of the timetable."""

    day = forms.DateField(label="日期", widget=_date())
    begins = forms.TimeField(label="开始", widget=forms.TimeInput(attrs={"type": "time"}))
    ends = forms.TimeField(label="结束", widget=forms.TimeInput(attrs={"type": "time"}))
    kind = forms.ChoiceField(label="类别", choices=[("theory", "理论"), ("practice", "实操"), ("safety", "安全教育")])
    hours = forms.IntegerField(label="课时", min_value=1, max_value=12)
    teacher = forms.TypedChoiceField(label="教师", coerce=int)
    content = forms.CharField(label="内容", max_length=200)
    room = forms.CharField(label="地点", max_length=120)
    textbook = forms.CharField(label="教材", max_length=120, required=False)
    online = forms.BooleanField(label="线上课：学员用手机学，按学习进度计课时", required=False)
    material_kind = forms.ChoiceField(
        label="线上材料",
        required=False,
        choices=[("", "没有（在合作的学习平台上学）"), ("video", "视频或录音"), ("page", "网页")],
    )
    material_url = forms.CharField(
        label="材料地址", max_length=500, required=False, help_text="https:// 开头，手机上不用登录就能打开。"
    )
    material_minutes = forms.IntegerField(label="材料时长（分钟）", min_value=1, max_value=720, required=False)

    def __init__(
        self, *args: Any, teachers: Sequence[Teacher], last: ClassSession | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "teacher", [(one.pk, one.name) for one in teachers])
        if last is not None:
            self.initial.update(room=last.room, textbook=last.textbook, teacher=last.teacher.pk)

    @classmethod
    def of(cls, session: ClassSession, teachers: Sequence[Teacher]) -> SessionForm:
        """The form filled with a session as it stands."""
        begins, ends = (localtime(moment) for moment in (session.starts_at, session.ends_at))
        names = ("kind", "hours", "content", "room", "textbook", "online", "material_kind", "material_url")
        kept = {name: getattr(session, name) for name in names}
        kept["material_minutes"] = session.material_minutes or None
        times = {"day": begins.date(), "begins": f"{begins:%H:%M}", "ends": f"{ends:%H:%M}"}
        return cls(initial={**times, **kept, "teacher": session.teacher.pk}, teachers=teachers)

    def material(self) -> Material:
        """What an online session is learned from."""
        said = self.cleaned_data
        return Material(said["material_kind"], said["material_url"].strip(), said["material_minutes"] or 0)

    def period(self) -> tuple[datetime, datetime]:
        """Start and end in China's time."""
        said = self.cleaned_data
        begins, ends = (
            datetime.combine(said["day"], said[name], get_default_timezone()) for name in ("begins", "ends")
        )
        return begins, ends


class TeacherForm(PlainForm):
    """A teacher of the organisation."""

    name = forms.CharField(label="姓名", max_length=60)
    education = forms.CharField(label="学历", max_length=20)
    speciality = forms.CharField(label="专业", max_length=60)
    qualification = forms.CharField(label="职称或职业资格", max_length=80)


class TextbookForm(PlainForm):
    """A textbook of the class's list."""

    title = forms.CharField(label="教材名称", max_length=120)
    publisher = forms.CharField(label="出版单位", max_length=120)
    isbn = forms.CharField(label="书号", max_length=20, required=False)


class FileForm(PlainForm):
    """One workbook."""

    file = forms.FileField(label="选择 Excel 文件（.xlsx）", widget=forms.FileInput(attrs={"accept": ".xlsx"}))


class VerifyForm(PlainForm):
    """A voucher's code, typed or scanned."""

    code = forms.CharField(
        label="券码或扫码内容",
        max_length=600,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autofocus": True, "spellcheck": "false", "data-scan-into": True}
        ),
    )


class UseForm(PlainForm):
    """Which class a verified voucher is used for."""

    class_id = forms.TypedChoiceField(label="用在哪个班", coerce=int, widget=forms.RadioSelect)
    code = forms.CharField(max_length=40, widget=forms.HiddenInput)

    def __init__(self, classes: list[tuple[int, str]], *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        offer(self, "class_id", classes)


class ProjectForm(PlainForm):
    """A new project from an entry of the guidance catalogue."""

    entry = forms.TypedChoiceField(label="目录条目", coerce=int)
    name = forms.CharField(label="项目名称", max_length=120)
    kind = forms.ChoiceField(label="项目类别", choices=ProjectKind.choices)
    theory_hours = forms.IntegerField(label="理论课时", min_value=0)
    practice_hours = forms.IntegerField(label="实操课时", min_value=0)
    safety_hours = forms.IntegerField(label="其中安全教育课时", min_value=1)
    fee_yuan = forms.DecimalField(label="每人收费（元）", min_value=0, max_digits=9, decimal_places=2)
    evaluator = forms.TypedChoiceField(label="评价机构", coerce=int)
    content = forms.CharField(label="培训内容", widget=forms.Textarea(attrs={"rows": 3}), max_length=2000)
    employment_service = forms.CharField(label="就业服务", widget=forms.Textarea(attrs={"rows": 3}), max_length=1000)

    def __init__(
        self, *args: Any, entries: Sequence[CatalogueEntry], evaluators: Sequence[Organisation], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        shown = [
            (one.pk, f"{one.occupation.name} {SkillLevel(one.level).short_label if one.level else ''} {one.hours} 课时")
            for one in entries
        ]
        offer(self, "entry", shown)
        offer(self, "evaluator", [(one.pk, one.name) for one in evaluators])
