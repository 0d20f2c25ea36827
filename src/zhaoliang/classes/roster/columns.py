"""The columns of the roster workbook (domain facts §4.6) and how a header cell names one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.kernel.identifiers.other_documents import DocumentKind
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.registry.models import GroupMembership

YES_NO = ("是", "否")
GROUPS = dict(GroupMembership.GROUPS)
GROUP_CODES = {name: code for code, name in GROUPS.items()}


@dataclass(frozen=True)
class Column:
    """One column: stable key, title as printed, other titles in use; `text` columns lose digits when kept as numbers."""

    key: str
    title: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    text: bool = False
    width: int = 12
    choices: Callable[[], tuple[str, ...]] | None = None
    hint: str = ""


def _groups() -> tuple[str, ...]:
    return tuple(GROUPS.values())


def _documents() -> tuple[str, ...]:
    return tuple(kind.label for kind in DocumentKind)


def _levels() -> tuple[str, ...]:
    return tuple(level.short_label for level in SkillLevel)


def _certificates() -> tuple[str, ...]:
    return tuple(str(label) for label in CertificateKind.labels)


def _yes_no() -> tuple[str, ...]:
    return YES_NO


COLUMNS: tuple[Column, ...] = (
    Column("number", "序号", width=6),
    Column("name", "姓名", required=True, hint="与身份证件一致"),
    Column("sex", "性别", width=6, choices=lambda: ("男", "女")),
    Column("document_type", "证件类型", width=14, choices=_documents, hint="不填按居民身份证"),
    Column("document_number", "证件号", ("证件号码", "身份证号", "身份证号码"), required=True, text=True, width=22),
    Column("birth", "出生日期", width=12, hint="证件号里没有出生日期的证件才需要填"),
    Column("nation", "民族", width=8),
    Column("education", "学历", ("文化程度",), width=10),
    Column("group", "人员类别", ("人群类别",), required=True, width=22, choices=_groups),
    Column("tags", "附加标签", ("附加身份",), width=18, hint="可填多个，用顿号分开"),
    Column("residence", "常住地", ("户籍/常住地", "户籍地"), width=20),
    Column("phone", "手机号", ("手机号码", "联系电话"), text=True, width=14),
    Column("card", "社保卡银行账号", ("社保卡号/开户行账号", "社会保障卡银行账号", "银行账号"), text=True, width=24),
    Column("occupation", "职业", ("工种", "职业(工种)", "职业名称"), width=14),
    Column("occupation_code", "职业编码", ("职业代码",), text=True, width=14),
    Column("level", "等级", ("技能等级",), width=10, choices=_levels),
    Column("certificate_kind", "证书类型", ("证书种类",), width=18, choices=_certificates),
    Column("certificate_number", "证书编号", text=True, width=26),
    Column("issued_on", "发证日期", width=12),
    Column("theory_score", "理论成绩", width=9),
    Column("practice_score", "实操成绩", width=9),
    Column("attended_hours", "出勤课时", ("实到课时",), width=9),
    Column("planned_hours", "应到课时", width=9),
    Column("attendance_rate", "出勤率", width=9),
    Column("voucher_code", "电子培训券唯一码", ("培训券唯一码", "电子培训券码", "券码"), text=True, width=24),
    Column("standard", "补贴标准", width=10),
    Column("factor", "系数", width=8),
    Column("amount", "补贴金额", width=10),
    Column("living", "生活费金额", ("生活费",), width=10),
    Column("employer", "企业名称", ("企业名", "单位名称"), width=24),
    Column("employer_uscc", "企业统一社会信用代码", ("统一社会信用代码", "企业信用代码"), text=True, width=22),
    Column("employed", "就业状态", width=10),
    Column("applies", "是否申请补贴", width=10, choices=_yes_no, hint="不填按“是”"),
    Column("prepaid", "本人先垫付学费", width=10, choices=_yes_no, hint="不填按“否”"),
    Column("remark", "备注", width=16),
    Column("signature", "签字", width=10),
)
BY_KEY = {column.key: column for column in COLUMNS}
REQUIRED = tuple(column for column in COLUMNS if column.required)


def heading(text: object) -> str:
    """A header cell in the form columns are compared by: half-width, without spaces, stars and 「（必填）」."""
    plain = unicodedata.normalize("NFKC", str(text)) if text is not None else ""
    plain = re.sub(r"[\s*]", "", plain)
    return re.sub(r"\((必填|选填|元|%)\)$", "", plain)


_BY_HEADING = {heading(title): column for column in COLUMNS for title in (column.title, *column.aliases)}


def column_named(text: object) -> Column | None:
    """The column a header cell names, None when it names none of ours."""
    return _BY_HEADING.get(heading(text))
