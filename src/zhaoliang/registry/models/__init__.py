"""The registry: regions, occupations, people, organisations, users and their roles."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.fields import EncryptedTextField, KeyedHashField
from zhaoliang.kernel.roles import ROLE_LABELS, Access, Actor, Assignment, Role
from zhaoliang.registry.models.reference import Occupation as Occupation
from zhaoliang.registry.models.reference import OccupationGroup as OccupationGroup
from zhaoliang.registry.models.reference import Region
from zhaoliang.registry.models.reference import RegionAlias as RegionAlias
from zhaoliang.registry.states import ORGANISATION, SANCTION, SANCTION_STEPS


class PersonRegistry(models.Model):
    """The national number of a natural person, found by keyed hash of the identity number: one person, one row."""

    person_id = models.BigAutoField(primary_key=True)
    id_hash = models.BinaryField("证件号索引", unique=True)

    class Meta:
        db_table = "person_registry"


class Person(CityModel):
    """A city's file of a person. Its id is the national number of `PersonRegistry`, the same in every city."""

    region_id: int

    id = models.BigIntegerField(primary_key=True)
    id_hash = models.BinaryField("证件号索引")
    name = models.CharField("姓名", max_length=60)
    pinyin_key = models.CharField("拼音", max_length=200)
    document_type = models.CharField(
        "证件类型",
        max_length=20,
        choices=[
            ("resident_id", "居民身份证"),
            ("hk_macao", "港澳居民来往内地通行证"),
            ("taiwan", "台湾居民来往大陆通行证"),
            ("hmt_residence", "港澳台居民居住证"),
            ("foreign_residence", "外国人永久居留身份证"),
            ("passport", "护照"),
        ],
        default="resident_id",
    )
    document_number = EncryptedTextField("证件号码")
    birth_date = models.DateField("出生日期")
    sex = models.CharField("性别", max_length=1, choices=[("1", "男"), ("2", "女"), ("9", "未说明")], default="9")
    phone = EncryptedTextField("手机号", blank=True)
    card_number = EncryptedTextField("社会保障卡银行账号", blank=True)
    phone_hash = KeyedHashField("手机号索引", source="phone", purpose="phone")
    # Accounts of people and of organisations are compared with one another.
    account_hash = KeyedHashField("账号索引", source="card_number", purpose="account")
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="常住地")
    education = models.CharField("学历", max_length=20, blank=True)
    created_at = models.DateTimeField("建档时间")
    # Kept by the finding of two people (employment.services): somebody else used this name, or it is not his.
    identity_wrong_on = models.DateField("认定身份不实", null=True)

    class Meta:
        db_table = "person"
        constraints = [models.UniqueConstraint(fields=["city_code", "id_hash"], name="person_one_file")]
        indexes = [
            models.Index(fields=["city_code", "phone_hash"], name="person_phone"),
            models.Index(fields=["city_code", "account_hash"], name="person_account"),
        ]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        return Access(self.city_code, self.region_id, person_id=self.pk)


class GroupMembership(CityModel):
    """That a person belongs to a target group (人员类别), from when to when, by what evidence."""

    person_id: int

    GROUPS: ClassVar = [
        ("01", "脱贫人口、防止返贫监测对象"),
        ("02", "毕业年度高校毕业生"),
        ("03", "离校未就业高校毕业生"),
        ("04", "城乡未继续升学应届初高中毕业生"),
        ("05", "农村转移就业劳动者"),
        ("06", "城镇登记失业人员"),
        ("07", "就业困难人员"),
        ("08", "零就业家庭成员"),
        ("09", "城乡低保、特困人员"),
        ("10", "残疾人"),
        ("11", "退役军人"),
        ("12", "企业职工"),
        ("13", "灵活就业人员"),
        ("14", "毕业学年全日制学生"),
        ("15", "领取失业保险金人员"),
        ("16", "新就业形态从业人员"),
        ("17", "退捕渔民、以工代赈人员"),
        ("18", "东西部协作地区劳动力"),
        ("99", "其他人员"),
    ]

    person = CityForeignKey(Person, verbose_name="人员", related_name="groups")
    group = models.CharField("人员类别", max_length=2, choices=GROUPS)
    evidence = models.CharField(
        "依据",
        max_length=20,
        choices=[("register", "数据比对"), ("document", "证明材料"), ("declared", "本人承诺")],
    )
    source = models.CharField("来源", max_length=120)
    valid_from = models.DateField("自")
    valid_to = models.DateField("至", null=True, blank=True)
    recorded_at = models.DateTimeField("登记时间", null=True)

    class Meta:
        db_table = "group_membership"

    def access(self) -> Access:
        return self.person.access()


class PersonStatus(CityModel):
    """A status another register reports of a person: drawing a pension, established post, full-time student."""

    person_id: int

    person = CityForeignKey(Person, verbose_name="人员", related_name="statuses")
    kind = models.CharField(
        "身份",
        max_length=20,
        choices=[
            ("pension", "按月领取养老保险待遇"),
            ("establishment", "机关事业单位在编"),
            ("student", "全日制在校"),
        ],
    )
    holds = models.BooleanField("是否", help_text="比对结果：是或否；没有这一行就是还不知道")
    source = models.CharField("来源", max_length=120)
    checked_on = models.DateField("比对日期")
    valid_from = models.DateField("自", null=True)
    valid_to = models.DateField("至", null=True)
    recorded_at = models.DateTimeField("登记时间", null=True)

    class Meta:
        db_table = "person_status"


class Organisation(CityModel):
    """A provider, school, enterprise or evaluation organisation, by its unified social credit code."""

    # 分级分类 (鲁人社字〔2025〕37号 二) names no letters; these are the platform's own.
    GRADES: ClassVar = [("A", "A 级"), ("B", "B 级"), ("C", "C 级"), ("D", "D 级")]
    region_id: int

    name = models.CharField("名称", max_length=120)
    short_name = models.CharField("简称", max_length=40)
    pinyin_key = models.CharField("拼音", max_length=300)
    uscc = models.CharField("统一社会信用代码", max_length=18)
    kind = models.CharField(
        "类别",
        max_length=20,
        choices=[
            ("private_provider", "民办职业培训机构"),
            ("technical_school", "技工院校"),
            ("vocational_school", "职业院校"),
            ("enterprise", "企业"),
            ("online_platform", "线上培训平台"),
            ("evaluation", "社会培训评价组织"),
            ("bureau", "人社部门"),
        ],
    )
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="所在地")
    legal_representative = models.CharField("法定代表人", max_length=60, blank=True)
    phone = EncryptedTextField("联系电话", blank=True)
    bank_name = models.CharField("开户银行", max_length=120, blank=True)
    account_number = EncryptedTextField("银行账号", blank=True)
    account_hash = KeyedHashField("账号索引", source="account_number", purpose="account")
    in_provider_directory = models.BooleanField("在培训机构目录", default=False)
    in_evaluation_directory = models.BooleanField("在评价机构目录", default=False)
    evaluator_prefix = models.CharField(
        "评价机构证书编码前段",
        max_length=13,
        blank=True,
        help_text="类别 1 位 + 机构代码 4 位 + 省级代码 2 位 + 站点序列码 6 位",
    )
    grade = models.CharField("等级", max_length=2, choices=GRADES, blank=True, default="", db_default="")
    state = ORGANISATION.field()
    created_at = models.DateTimeField("登记时间")

    class Meta:
        db_table = "organisation"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "uscc"], name="organisation_one_row"),
            ORGANISATION.constraint("organisation"),
        ]
        indexes = [models.Index(fields=["city_code", "account_hash"], name="organisation_account")]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        return Access(self.city_code, self.region_id, frozenset({self.pk} if self.pk else ()))


def _two(name: str, first: str, second: str) -> models.CheckConstraint:
    """The database's own two-person rule: the second column never names who stands in the first."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{second}__isnull": True}) | ~models.Q(**{second: models.F(first)}), name=name
    )


class Sanction(CityModel):
    """A step of the ladder against an organisation: told, answered, decided by a second person, in force from–to."""

    no_delete = True

    organisation_id: int

    organisation = CityForeignKey(Organisation, verbose_name="机构", related_name="sanctions")
    region_code = models.IntegerField("所在地")
    step = models.CharField("处理", max_length=20, choices=list(SANCTION_STEPS.items()))
    violation = models.CharField("情形", max_length=40)
    facts = models.CharField("事实", max_length=1000)
    citation = models.CharField("依据", max_length=200)
    verified = models.BooleanField("依据已核")
    state = SANCTION.field()
    proposed_at = models.DateTimeField("告知时间")
    proposed_by_user = models.BigIntegerField("建议账号", null=True)
    proposed_by_person = models.BigIntegerField("建议人", null=True)
    reply_until = models.DateField("陈述申辩截止")
    reply = models.CharField("陈述申辩", max_length=1000, blank=True)
    replied_at = models.DateTimeField("陈述时间", null=True)
    decide_by = models.DateField("决定期限")
    reasons = models.CharField("决定理由", max_length=1000, blank=True)
    decided_at = models.DateTimeField("决定时间", null=True)
    decided_by_user = models.BigIntegerField("决定账号", null=True)
    decided_by_person = models.BigIntegerField("决定人", null=True)
    from_day = models.DateField("自", null=True)
    until_day = models.DateField("限制最后一天", null=True)
    rectify_by = models.DateField("整改期限", null=True)
    rectified_on = models.DateField("整改验收", null=True)
    rectification = models.CharField("整改验收情况", max_length=1000, blank=True)
    lift_reason = models.CharField("解除理由", max_length=1000, blank=True)
    lift_asked_by_user = models.BigIntegerField("提请解除账号", null=True)
    lift_asked_by_person = models.BigIntegerField("提请解除人", null=True)
    lifted_by_user = models.BigIntegerField("解除账号", null=True)
    lifted_by_person = models.BigIntegerField("解除人", null=True)
    lifted_on = models.DateField("解除日期", null=True)

    class Meta:
        db_table = "sanction"
        constraints = [
            SANCTION.constraint("sanction"),
            _two("sanction_two_accounts", "proposed_by_user", "decided_by_user"),
            _two("sanction_two_people", "proposed_by_person", "decided_by_person"),
            _two("sanction_lift_two_accounts", "lift_asked_by_user", "lifted_by_user"),
            _two("sanction_lift_two_people", "lift_asked_by_person", "lifted_by_person"),
        ]
        indexes = [models.Index(fields=["city_code", "organisation", "state"], name="sanction_organisation")]

    @property
    def step_label(self) -> str:
        return SANCTION_STEPS[self.step]

    def access(self) -> Access:
        return Access(self.city_code, self.region_code, frozenset({self.organisation_id}))


class Licence(CityModel):
    """A licence of an organisation with its validity; two of one kind never overlap."""

    organisation = CityForeignKey(Organisation, verbose_name="机构", related_name="licences")
    kind = models.CharField("种类", max_length=40)
    number = models.CharField("编号", max_length=60)
    validity = DateRangeField("有效期")

    class Meta:
        db_table = "licence"
        constraints = [
            ExclusionConstraint(
                name="licence_no_overlap",
                expressions=[
                    ("city_code", RangeOperators.EQUAL),
                    ("organisation", RangeOperators.EQUAL),
                    ("kind", RangeOperators.EQUAL),
                    ("validity", RangeOperators.OVERLAPS),
                ],
            )
        ]


class Site(CityModel):
    """A teaching site with its place on earth (WGS84), and where it departs from its region's sign-in figures.

    The radius in metres, the window in minutes around the beginning of a session; null follows the region.
    """

    organisation_id: int
    region_id: int

    organisation = CityForeignKey(Organisation, verbose_name="机构", related_name="sites")
    name = models.CharField("教学点", max_length=120)
    kind = models.CharField(
        "类别",
        max_length=30,
        choices=[
            ("own", "机构自有场地"),
            ("school", "院校"),
            ("enterprise", "企业"),
            ("public_training_base", "公共实训基地"),
        ],
        default="own",
    )
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="所在地")
    address = models.CharField("地址", max_length=200)
    longitude = models.DecimalField("经度", max_digits=9, decimal_places=6)
    latitude = models.DecimalField("纬度", max_digits=8, decimal_places=6)
    radius_m = models.PositiveIntegerField("签到半径（米）", null=True, blank=True)
    opens_minutes = models.PositiveSmallIntegerField("提前多少分钟可以签到", null=True, blank=True)
    grace_minutes = models.PositiveSmallIntegerField("上课后多少分钟内不算迟到", null=True, blank=True)
    closes_minutes = models.PositiveSmallIntegerField("上课后多少分钟停止签到", null=True, blank=True)
    sign_in_reason = models.CharField("另定签到规定的原因", max_length=200, blank=True, db_default="", default="")

    class Meta:
        db_table = "site"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(longitude__range=(73, 136), latitude__range=(3, 54)), name="site_inside_china"
            ),
            models.CheckConstraint(condition=models.Q(radius_m__range=(50, 2000)), name="site_radius_sane"),
            models.CheckConstraint(
                condition=models.Q(opens_minutes__lte=240)
                & models.Q(grace_minutes__lte=120)
                & models.Q(closes_minutes__lte=240),
                name="site_window_sane",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def access(self) -> Access:
        return Access(self.city_code, self.region_id, frozenset({self.organisation_id}))


class UserManager(BaseUserManager["User"]):
    """Finds accounts by their sign-in name."""

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username=username)


class User(AbstractBaseUser):
    """An account. Staff sign in with password and second factor, workers through the identity service (OIDC)."""

    assignments: Any

    username = models.CharField("登录名", max_length=60, unique=True)
    name = models.CharField("显示名", max_length=60)
    email = models.EmailField("邮箱", blank=True)
    person_id = models.BigIntegerField("实名", null=True, help_text="账号背后的自然人；同一人的两个账号算一个人")
    city_code = models.IntegerField("城市键", null=True)
    is_active = models.BooleanField("启用", default=True)
    date_joined = models.DateTimeField("建立时间", auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = UserManager()

    class Meta:
        db_table = "user_account"

    def __str__(self) -> str:
        return self.name

    @property
    def is_staff_account(self) -> bool:
        """Whether the account holds any role but the worker's, and so must bring a second factor."""
        return self.assignments.exclude(role=Role.WORKER).exists()

    def actor(self, *, on: date) -> Actor:
        """The actor of this account, with the assignments valid on that day."""
        rows = self.assignments.filter(models.Q(valid_to__isnull=True) | models.Q(valid_to__gte=on), valid_from__lte=on)
        held = (Assignment(Role(row.role), row.region_id, row.city_code, row.organisation_id) for row in rows)
        return Actor(self.pk, self.person_id, self.name, tuple(held))


class RoleAssignment(models.Model):
    """A role of a user, in a region (bureau roles) or in an organisation, from when to when."""

    region_id: int

    user = models.ForeignKey(User, models.PROTECT, verbose_name="账号", related_name="assignments")
    role = models.CharField("角色", max_length=20, choices=[(role.value, label) for role, label in ROLE_LABELS.items()])
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="管辖地区")
    city_code = models.IntegerField("城市键")
    organisation_id = models.BigIntegerField("所属机构", null=True, blank=True)
    valid_from = models.DateField("自")
    valid_to = models.DateField("至", null=True, blank=True)

    class Meta:
        db_table = "role_assignment"
        constraints = [
            models.UniqueConstraint(
                fields=["user", "role", "region", "organisation_id"],
                nulls_distinct=False,
                name="role_assignment_once",
            ),
            models.CheckConstraint(
                condition=~models.Q(role__in=["provider", "evaluator", "partner"])
                | models.Q(organisation_id__isnull=False),
                name="role_assignment_names_organisation",
            ),
        ]


class PartnerKey(models.Model):
    """An API key of a partner system: only its hash is kept; scopes and expiry are explicit."""

    user = models.ForeignKey(User, models.PROTECT, verbose_name="账号", related_name="partner_keys")
    name = models.CharField("名称", max_length=80)
    key_hash = models.BinaryField("密钥摘要", unique=True)
    scopes = models.JSONField("授权范围", default=list)
    expires_at = models.DateTimeField("到期")
    revoked_at = models.DateTimeField("停用", null=True)

    class Meta:
        db_table = "partner_key"


class PersonGrant(models.Model):
    """National: what a person was granted anywhere. Its uniqueness refuses a second city for one occupation and level.

    `level` is 0 for trainings without a level certificate, which the law does not limit to one a lifetime. Also holds what
    other platforms reported (`source`). One that was wholly given back stays with the day and counts for nothing any more.
    """

    no_delete = True
    updatable_columns = ("withdrawn_on",)

    person_id = models.BigIntegerField("人员")
    SCHEMES = [
        ("training", "培训补贴"),
        ("skill_upgrade", "技能提升补贴"),
        ("evaluation", "评价补贴"),
        ("living", "生活费补贴"),
        ("targeted", "定向培训补贴"),
        ("project", "项目制培训补贴"),
        ("apprenticeship", "新型学徒制补贴"),
        ("work_training", "以工代训补贴"),
    ]

    scheme = models.CharField("补贴种类", max_length=20, choices=SCHEMES)
    occupation_code = models.CharField("职业编码", max_length=12)
    level = models.PositiveSmallIntegerField("技能等级", default=0)
    city_code = models.IntegerField("城市键")
    claim_line_id = models.BigIntegerField("申领明细", null=True)
    certificate_number = models.CharField("证书编号", max_length=40, blank=True)
    fund_source = models.CharField("资金渠道", max_length=30)
    granted_on = models.DateField("日期")
    source = models.CharField("来源", max_length=120)
    withdrawn_on = models.DateField("退回日期", null=True)

    class Meta:
        db_table = "person_grant"
        constraints = [
            models.UniqueConstraint(
                fields=["person_id", "scheme", "occupation_code", "level"],
                condition=models.Q(level__gt=0, withdrawn_on__isnull=True),
                name="person_grant_once_nationally",
            ),
            models.CheckConstraint(
                condition=models.Q(withdrawn_on__isnull=True) | models.Q(withdrawn_on__gte=models.F("granted_on")),
                name="person_grant_withdrawn_later",
            ),
        ]
        # Every line of a claim asks for all grants of its person, those without a level too.
        indexes = [models.Index(fields=["person_id"], name="person_grant_person")]


class PolicyText(models.Model):
    """National: a policy text enacted on the platform. It stands for or adds to the files of `policies/` (lawbook.py).

    Never changed and never removed, because old decisions are replayed by it; of several texts with one path the one with
    the highest `number` counts, and it can only come before the first day of the path.
    """

    append_only = True

    region_id: int

    path = models.CharField("位置", max_length=200, help_text="cn-12/jinrenshe-2022-20/2027-01-01.yaml")
    number = models.PositiveIntegerField("第几次")
    document_id = models.CharField("文件", max_length=120)
    region = models.ForeignKey(Region, models.PROTECT, verbose_name="地区")
    valid_from = models.DateField("生效")
    content = models.TextField("文本")
    tables = models.JSONField("表格文件", default=dict)
    sha256 = models.CharField("摘要", max_length=64)
    drafted_by_user = models.BigIntegerField("起草账号")
    drafted_by_person = models.BigIntegerField("起草人", null=True)
    drafted_by_name = models.CharField("起草人姓名", max_length=80)
    approved_by_user = models.BigIntegerField("批准账号")
    approved_by_person = models.BigIntegerField("批准人", null=True)
    approved_by_name = models.CharField("批准人姓名", max_length=80)
    decided_at = models.DateTimeField("批准时间")

    class Meta:
        db_table = "policy_text"
        constraints = [
            models.UniqueConstraint(fields=["path", "number"], name="policy_text_once"),
            models.CheckConstraint(
                condition=~models.Q(drafted_by_user=models.F("approved_by_user")), name="policy_text_two_accounts"
            ),
            models.CheckConstraint(
                condition=~models.Q(drafted_by_person=models.F("approved_by_person")), name="policy_text_two_people"
            ),
        ]


class Notice(CityModel):
    """What the platform tells a person or an organisation: a sentence, and the thing it is about.

    The text holds no identity number, phone, card or voucher code. `once` makes it a notice that is given only one time
    ('' for one that may come again). The pages turn the subject into a link.
    """

    person_id: int | None
    organisation_id: int | None
    # Where the thing can be looked at; filled in by the pages.
    url: str

    updatable_columns = ("read_at",)

    person = CityForeignKey(Person, verbose_name="告诉谁", related_name="notices", null=True)
    organisation = CityForeignKey(Organisation, verbose_name="告诉哪家机构", related_name="notices", null=True)
    kind = models.CharField("种类", max_length=40)
    title = models.CharField("标题", max_length=60)
    text = models.CharField("内容", max_length=300)
    subject_type = models.CharField("关于什么", max_length=40, blank=True)
    subject_id = models.BigIntegerField("编号", null=True)
    once = models.CharField("只告诉一次", max_length=60, blank=True)
    at = models.DateTimeField("时间")
    read_at = models.DateTimeField("已读时间", null=True)

    class Meta:
        db_table = "notice"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(person__isnull=True) ^ models.Q(organisation__isnull=True),
                name="notice_tells_somebody",
            ),
            models.UniqueConstraint(
                fields=["city_code", "person", "organisation", "once"],
                condition=~models.Q(once=""),
                nulls_distinct=False,
                name="notice_once",
            ),
        ]
        indexes = [
            models.Index(fields=["city_code", "person", "at"], name="notice_person"),
            models.Index(fields=["city_code", "organisation", "at"], name="notice_organisation"),
        ]
