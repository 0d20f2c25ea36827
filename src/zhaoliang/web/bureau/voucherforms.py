"""Forms of voucher batches: what they are good for, how much, for whom, how they look."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from django import forms

from zhaoliang.catalogue.models import Project
from zhaoliang.funds.models import Account, FundSource
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.kernel.roles import region_covers
from zhaoliang.oversight.funnel import DIMENSIONS
from zhaoliang.registry.models import GroupMembership, Occupation, Organisation, Person, Region
from zhaoliang.vouchers.models import IssueLine, IssueList, VoucherBatch
from zhaoliang.vouchers.selectors import Criteria, Scope
from zhaoliang.vouchers.services import COLOURS, WITHOUT_MONEY, BatchTerms
from zhaoliang.vouchers.states import BATCH, PHASES
from zhaoliang.web.bureau.forms import ANY, CHINA, Filter, YuanField, choices_of, date_field
from zhaoliang.web.components.forms import PlainForm, offer
from zhaoliang.web.portal.standards import standard_of

REACHES = [("named", "只用于下面勾选的项目或职业"), ("all", "本地区列入项目库的所有项目")]


class BatchForm(PlainForm):
    """The terms of a voucher batch. `projects` are those listed in the region; occupations and providers come from them.

    `regions` are those it can be given out for, the desk's own first; of one alone nothing is asked.
    """

    name = forms.CharField(label="批次名称", max_length=80)
    kind = forms.ChoiceField(
        label="券种",
        choices=choices_of(VoucherBatch, "kind"),
        help_text="面值券从预留里付到面值，超出部分按标准从预算支付；抵用券是资格凭证，补贴按标准；打卡签到专用券只签到、不补贴。",
    )
    issue = forms.ChoiceField(
        label="发放方式", choices=VoucherBatch.ISSUES, widget=forms.RadioSelect, initial="open", required=False
    )
    region = forms.TypedChoiceField(
        label="发放地区", coerce=int, empty_value=None, required=False, help_text="起草以后不能改。"
    )
    reach = forms.ChoiceField(
        label="用在哪", choices=REACHES, widget=forms.RadioSelect, initial="named", required=False
    )
    projects = forms.ModelMultipleChoiceField(
        label="项目", queryset=Project.objects.none(), required=False, widget=forms.CheckboxSelectMultiple
    )
    occupations = forms.MultipleChoiceField(
        label="职业和等级",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="以后列入项目库的同类项目也能用。",
    )
    providers = forms.ModelMultipleChoiceField(
        label="限定机构",
        queryset=Organisation.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="不勾选，就是不限机构。",
    )
    grades = forms.MultipleChoiceField(
        label="限定机构等级", choices=Organisation.GRADES, required=False, widget=forms.CheckboxSelectMultiple
    )
    budget_account = forms.ModelChoiceField(
        label="预算账户", queryset=Account.objects.none(), empty_label="请选择", help_text="发布时从这里预留资金。"
    )
    quota = forms.IntegerField(label="发放数量（张）", min_value=1, max_value=10_000_000)
    amount_basis = forms.ChoiceField(
        label="金额", choices=VoucherBatch.BASES, widget=forms.RadioSelect, initial="fixed", required=False
    )
    amount_fen = YuanField(
        label="每张金额（元）",
        required=False,
        help_text="按项目补贴标准的不用填，按政策的最高标准预留；不带补贴的券填 0。",
    )
    groups = forms.MultipleChoiceField(
        label="适用人群",
        choices=GroupMembership.GROUPS,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="一个也不选，就是不限人群。",
    )
    claim_from = date_field("领取开始日期")
    claim_until = date_field("领取截止日期", help_text="当天 24 时截止。")
    use_until = date_field("使用截止日期", help_text="当天 24 时截止；到期未用自动失效。")
    colour = forms.ChoiceField(
        label="券面颜色", choices=COLOURS, widget=forms.RadioSelect, initial="indigo", required=False
    )
    declaration = forms.CharField(
        label="本人承诺",
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        initial=BatchTerms.declaration,
        help_text="领券人要勾选同意的话。",
    )

    def __init__(self, projects: Any, accounts: Any, regions: list[Region], *args: Any, **given: Any) -> None:
        super().__init__(*args, **given)
        offer(self, "region", [(one.code, one.name) for one in regions])
        if len(regions) < 2:
            del self.fields["region"]
        self.listed = list(projects.select_related("provider", "occupation", "entry"))
        fields: dict[str, Any] = self.fields
        fields["projects"].queryset = projects
        offer(self, "occupations", sorted({(_mark(one), _words(one)) for one in self.listed}))
        fields["providers"].queryset = Organisation.objects.filter(
            city_code__in={one.city_code for one in self.listed}, pk__in={one.provider_id for one in self.listed}
        ).order_by("name")
        fields["budget_account"].queryset = accounts

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        named = said.get("reach") == "all" or said.get("projects") or said.get("occupations")
        if not named and "projects" not in self.errors:
            self.add_error("projects", "请勾选项目或职业，或选择本地区所有项目。")
        priced = said.get("amount_basis") == "standard" or said.get("kind") in WITHOUT_MONEY
        if not priced and said.get("amount_fen") is None and "amount_fen" not in self.errors:
            self.add_error("amount_fen", "请填写每张金额。")
        return said

    def scope(self) -> Scope:
        """What the valid form says the vouchers are good for."""
        said = self.cleaned_data
        everything = said["reach"] == "all"
        known = {_mark(one): (one.occupation, one.level) for one in self.listed}
        return Scope(
            projects=() if everything else tuple(said["projects"]),
            occupations=() if everything else tuple(known[mark] for mark in said["occupations"]),
            providers=tuple(said["providers"]),
            grades=tuple(said["grades"]),
        )

    def terms(self, on: date) -> BatchTerms:
        """The terms of a valid form; amounts by the standard are the highest that the policies of the day give the scope."""
        said, scope = self.cleaned_data, self.scope()
        by_standard = said["amount_basis"] == "standard" and said["kind"] not in WITHOUT_MONEY
        return BatchTerms(
            name=said["name"],
            scope=scope,
            quota=said["quota"],
            amount_fen=self.highest(scope, on) if by_standard else said["amount_fen"] or 0,
            amount_basis="standard" if by_standard else "fixed",
            budget_account=said["budget_account"],
            claim_from=datetime.combine(said["claim_from"], time.min, CHINA),
            claim_until=datetime.combine(said["claim_until"], time.max, CHINA),
            use_until=datetime.combine(said["use_until"], time.max, CHINA),
            kind=said["kind"],
            issue=said["issue"] or "open",
            groups=tuple(said["groups"]),
            colour=said["colour"] or "indigo",
            declaration=said["declaration"],
        )

    def highest(self, scope: Scope, on: date) -> int:
        """The highest subsidy (fen) that any listed project of the scope can bring; 0 when no standard can be worked out."""
        marks = {(one.code, level) for one, level in scope.occupations}
        named = {one.pk for one in scope.projects}
        providers, grades = {one.pk for one in scope.providers}, set(scope.grades)
        region = self.cleaned_data.get("region")
        worths = [
            standard_of(one, on).most_fen or 0
            for one in self.listed
            if (one.pk in named or region is None or region_covers(region, one.region_id))
            and (one.pk in named or (one.occupation_id, one.level) in marks or not (named or marks))
            and (one.provider_id in providers or one.provider.grade in grades or not (providers or grades))
        ]
        return max(worths, default=0)


def _mark(project: Project) -> str:
    return f"{project.occupation_id}:{project.level or 0}"


def _words(project: Project) -> str:
    level = SkillLevel(project.level).label if project.level else "不分等级"
    return f"{project.occupation.name} · {level}"


class ReasonForm(PlainForm):
    """Why."""

    reason = forms.CharField(
        label="原因",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="会记录在案；作废的，原样告诉持券人。",
    )


class QuantityForm(ReasonForm):
    """How many vouchers more or fewer."""

    quantity = forms.IntegerField(label="张数", min_value=1, max_value=10_000_000)

    field_order = ("quantity", "reason")


class ExtendForm(ReasonForm):
    """Later ends."""

    claim_until = date_field("新的领取截止日期", required=False)
    use_until = date_field("新的使用截止日期", required=False, help_text="已领的券也跟着延长，持券人会收到消息。")

    field_order = ("claim_until", "use_until", "reason")


def unclear_field() -> forms.ChoiceField:
    """What becomes of those of whom nobody can tell."""
    return forms.ChoiceField(
        label="平台说不准符合不符合的人",
        choices=IssueList.UNCLEAR,
        widget=forms.RadioSelect,
        initial="issue",
        required=False,
        help_text="政策明确不符合的，一律不发。",
    )


class IssueChoiceForm(PlainForm):
    """What becomes of those who hold a voucher of the batch, and of those nobody can tell of."""

    on_duplicate = forms.ChoiceField(
        label="已有这一批的券的人",
        choices=[("skip", "跳过，不再发"), ("replace", "没用过的收回旧券，换发新券")],
        widget=forms.RadioSelect,
        initial="skip",
    )
    on_unclear = unclear_field()


class IssueFileForm(IssueChoiceForm):
    """A list of people by Excel, for one batch or several at a time."""

    file = forms.FileField(label="名单文件", widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods"}))
    besides = forms.MultipleChoiceField(
        label="同时发这些批次的券",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="勾选几批，就用同一份名单各拟一份，每批分别核对、批准。",
    )

    field_order = ("file", "besides", "on_duplicate", "on_unclear")

    def __init__(self, besides: list[VoucherBatch], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "besides", [(str(one.pk), one.name) for one in besides])
        if not besides:
            del self.fields["besides"]


class IssueQueryForm(PlainForm):
    """People of the registry by group, region, age, and no training of late."""

    groups = forms.MultipleChoiceField(
        label="人员类别", choices=GroupMembership.GROUPS, required=False, widget=forms.CheckboxSelectMultiple
    )
    region_code = forms.TypedChoiceField(label="常住地", coerce=int, empty_value=None, required=False)
    age_from = forms.IntegerField(label="年龄自（周岁）", min_value=0, max_value=120, required=False)
    age_to = forms.IntegerField(label="年龄至（周岁）", min_value=0, max_value=120, required=False)
    idle_year = forms.BooleanField(label="近一年没有用券、没有享受培训补贴", required=False)
    on_unclear = unclear_field()

    def __init__(self, regions: list[Region], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "region_code", [("", "发放地区内都可以"), *((one.code, one.name) for one in regions)])

    def criteria(self) -> Criteria:
        """What the valid form asks for."""
        said = {name: value for name, value in self.cleaned_data.items() if name != "on_unclear"}
        return Criteria(**{**said, "groups": tuple(said["groups"])})


class IssueFilter(Filter):
    """People of a list by what the policies say and by what came of it."""

    outcome = forms.ChoiceField(label="领券条件", required=False, choices=[ANY, *IssueLine.OUTCOMES])
    state = forms.ChoiceField(label="结果", required=False, choices=[ANY, *IssueLine.STATES])
    held = forms.ChoiceField(label="这一批的券", required=False, choices=[ANY, ("yes", "已有"), ("no", "没有")])


class BatchFilter(Filter):
    """Batches by name and by what they are to people now."""

    text = forms.CharField(label="批次名称", required=False, max_length=60)
    state = forms.ChoiceField(
        label="状态",
        required=False,
        choices=[ANY, *BATCH.states.items(), *((phase, word) for phase, (word, _) in PHASES.items())],
    )


class FunnelFilter(Filter):
    """How the funnel is broken down, and of what."""

    by = forms.ChoiceField(
        label="分开看", required=False, choices=[(name, one.label) for name, one in DIMENSIONS.items()]
    )
    region = forms.ChoiceField(label="地区", required=False)
    fund_source = forms.ChoiceField(label="资金渠道", required=False, choices=[ANY, *FundSource.choices])
    since = date_field("领取自", required=False)
    until = date_field("领取至", required=False)
    batch = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)

    def __init__(self, regions: list[Region], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "region", [ANY, *((str(one.code), one.name) for one in regions)])

    def said_day(self, name: str) -> date | None:
        """A day of the address, None when nothing or nonsense."""
        self.is_valid()
        return self.cleaned_data.get(name)


class CounterForm(PlainForm):
    """Who stands at the counter, as on the document."""

    document_type = forms.ChoiceField(label="证件类型", choices=choices_of(Person, "document_type"))
    document_number = forms.CharField(
        label="证件号码", max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
    )
    name = forms.CharField(label="姓名", max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    phone = forms.CharField(label="手机号", max_length=20, required=False, help_text="没有手机的不用填。")


class CounterClaimForm(PlainForm):
    """Which batch, and how the person accepted the declaration."""

    batch = forms.TypedChoiceField(label="领哪一种", coerce=int, widget=forms.RadioSelect)
    declared = forms.ChoiceField(
        label="本人怎样承诺",
        choices=[("oral", "当面念给本人听，本人口头同意"), ("paper", "本人签了书面承诺，已留存")],
        widget=forms.RadioSelect,
    )

    def __init__(self, batches: list[tuple[int, str]], *args: Any) -> None:
        super().__init__(*args)
        offer(self, "batch", batches)


class CounterReturnForm(PlainForm):
    """What the officer reads from the document that the holder shows."""

    document_end = forms.CharField(
        label="证件号码后 4 位",
        max_length=8,
        help_text="照本人出示的证件输入；最后一位是 X 的也要输。",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "class": "code"}),
    )


def initial_of(batch: VoucherBatch, scope: Scope) -> dict[str, Any]:
    """What the form of a draft shows at first (the days apart)."""
    names = ("name", "kind", "issue", "budget_account", "quota", "amount_basis", "groups", "colour", "declaration")
    return {name: getattr(batch, name) for name in names} | {
        "amount_fen": batch.amount_fen if batch.amount_basis == "fixed" else None,
        "reach": "named" if scope.projects or scope.occupations else "all",
        "projects": scope.projects,
        "occupations": [_occupation_mark(one, level) for one, level in scope.occupations],
        "providers": scope.providers,
        "grades": scope.grades,
    }


def _occupation_mark(occupation: Occupation, level: int | None) -> str:
    return f"{occupation.code}:{level or 0}"
