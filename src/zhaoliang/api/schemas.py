"""What the partner API takes and gives, with examples for its documentation. Ids are strings: they do not fit a float."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from ninja import Field, Schema

from zhaoliang.kernel.identifiers.other_documents import DocumentKind
from zhaoliang.vouchers.models import Voucher


class Problem(Schema):
    """Why something was not done: a stable code, then sentences for people; `fields` names wrong fields."""

    code: str = Field(examples=["bad_input"])
    what: str = Field(examples=["没有领取。"])
    why: str = Field(examples=["领券前需要本人确认承诺内容。"])
    next: str = Field(examples=["请让本人确认承诺后再领取。"])
    clause: str | None = Field(None, examples=["职业技能电子培训券试点工作方案 一（一）2（2）"])
    fields: dict[str, str] = Field(default_factory=dict)


PROBLEMS = {401: Problem, 403: Problem, 404: Problem, 409: Problem, 422: Problem, 429: Problem}


class Health(Schema):
    """That the interface answers."""

    status: str = Field(examples=["ok"])
    at: datetime


class VerifyIn(Schema):
    """A voucher's code as typed, or the text of its QR code as scanned."""

    code: str = Field(max_length=400, examples=["120000K7QD9MNACXWE3"])


class VerifyOut(Schema):
    """What the voucher is worth to the asking organisation. `answer` is stable; `says` is for people."""

    answer: str = Field(
        description="good 可用；verified 已验证；used 已使用；not_here 不能在本机构使用；redeemed/returned/void/expired 已终止；"
        "not_found 没有；malformed/altered/foreign_key/forged 码不真；stale 截图；replayed 转发；other_city 外市",
        examples=["good"],
    )
    says: str = Field(examples=["真券，还没有使用，可用于“养老护理员（初级工）”，使用截止 2026年12月31日 00:00。"])
    good_for: str = Field(examples=["可用于“养老护理员（初级工）”，使用截止 2026年12月31日 00:00"])


class BatchOut(Schema):
    """A batch of vouchers that can be claimed now. Amounts are whole fen (1 yuan = 100 fen)."""

    city_code: int = Field(examples=[120000])
    id: str = Field(examples=["1024"])
    name: str = Field(examples=["养老护理员培训券（一期）"])
    project: str = Field(description="用在哪：一个项目的名称，或范围", examples=["养老护理员（初级工）"])
    provider: str = Field(examples=["测试职业培训学校"])
    amount_fen: int = Field(examples=[180000])
    left: int = Field(examples=[312])
    claim_until: datetime
    use_until: datetime
    declaration: str = Field(description="领券前必须让本人看到并确认的承诺")


class ClaimIn(Schema):
    """A person, by document, and the batch. `declared`: the person has just accepted the batch's declaration."""

    batch_id: str = Field(pattern=r"^[0-9]{1,18}$", examples=["1024"])
    document_type: DocumentKind = Field(DocumentKind.RESIDENT_ID, examples=["resident_id"])
    document_number: str = Field(max_length=40, examples=["120000199001010015"])
    name: str = Field(max_length=60, examples=["甲某"])
    declared: bool = Field(examples=[True])


class ClaimOut(Schema):
    """The claimed voucher."""

    city_code: int = Field(examples=[120000])
    id: str = Field(examples=["88123"])
    code: str = Field(examples=["120000K7QD9MNACXWE3"])
    state: str = Field(examples=["claimed"])
    amount_fen: int = Field(examples=[180000])
    use_until: datetime

    @classmethod
    def of(cls, voucher: Voucher) -> ClaimOut:
        """What is said of a voucher just claimed."""
        return cls(
            city_code=voucher.city_code,
            id=str(voucher.pk),
            code=voucher.code,
            state=voucher.state,
            amount_fen=voucher.amount_fen,
            use_until=voucher.batch.use_until.replace(microsecond=0),
        )


class UseIn(Schema):
    """The voucher that its holder shows, and the class it is for."""

    code: str = Field(max_length=400, examples=["120000K7QD9MNACXWE3"])
    class_id: str = Field(pattern=r"^[0-9]{1,18}$", examples=["7"])


class UseOut(Schema):
    """The used voucher."""

    city_code: int = Field(examples=[120000])
    id: str = Field(examples=["88123"])
    state: str = Field(examples=["used"])
    class_id: str = Field(examples=["7"])
    used_at: datetime

    @classmethod
    def of(cls, voucher: Voucher) -> UseOut:
        """What is said of a voucher just used."""
        assert voucher.used_at is not None
        return cls(
            city_code=voucher.city_code,
            id=str(voucher.pk),
            state=voucher.state,
            class_id=str(voucher.class_id),
            used_at=voucher.used_at.replace(microsecond=0),
        )


class CertificateIn(Schema):
    """Number and holder's name, or the token of the certificate's QR code (what follows # in its address)."""

    number: str = Field("", max_length=60, examples=["S000012000901263000017"])
    name: str = Field("", max_length=60, examples=["甲某"])
    token: str = Field("", max_length=4000)


class CertificateOut(Schema):
    """The register's answer. The holder's name is not repeated; content is null unless the certificate was found."""

    outcome: str = Field(
        description="valid 有效；suspended 暂停；revoked 撤销；replaced 换发；not_found 查无；altered 被改动；"
        "unknown_key 签名不认识；unavailable 暂时无法查验",
        examples=["valid"],
    )
    says: str = Field(examples=["证书有效，内容以下面登记的为准。"])
    next_step: str = ""
    number: str | None = None
    kind: str | None = None
    occupation: str | None = None
    level: str | None = None
    hours: int | None = None
    issuer: str | None = None
    issued_on: date | None = None
    ended_on: date | None = None
    replaced_by: str = ""


class PlaceIn(Schema):
    """Where a reader stands, in the datum that it gives."""

    longitude: Decimal = Field(ge=-180, le=180, examples=["117.201500"])
    latitude: Decimal = Field(ge=-90, le=90, examples=["39.119300"])
    datum: Literal["wgs84", "gcj02", "bd09"] = Field(
        "wgs84", description="坐标的基准：wgs84 GPS；gcj02 高德、腾讯；bd09 百度。平台换算成 WGS84 保存"
    )
    accuracy_m: int | None = Field(None, ge=0, le=100_000, description="误差半径（米）")


class ReaderIn(Schema):
    """A line of a card reader, ID reader or scanner, for a session of the partner's organisation."""

    session_id: str = Field(pattern=r"^[0-9]{1,18}$", description="课次编号", examples=["31"])
    line: str = Field(
        min_length=1,
        max_length=400,
        description="读到的一行：证件号、社保卡号、券码或券的二维码",
        examples=["120000199001010015"],
    )
    direction: Literal["in", "out"] = Field("in", description="in 签到；out 签退（下课，或提前离开）")
    read_at: datetime | None = Field(None, description="没有网络的读卡器补传时，读卡的时间")
    place: PlaceIn | None = Field(None, description="移动读卡器的位置；不在教学点范围内的会提示核对，不会拒绝")


class FaceIn(Schema):
    """The signed result of a face check for an attendance that is signed in."""

    attendance_id: str = Field(pattern=r"^[0-9]{1,18}$", description="考勤编号", examples=["77"])
    result: str = Field(
        min_length=1, max_length=2000, examples=["ZLF1.…"], description="ZLF1.<内容>.<签名>，见运维手册“人脸核验结果”"
    )


class FaceOut(Schema):
    """What was kept of it."""

    attendance_id: str = Field(examples=["77"])
    service: str = Field(examples=["some-service"])
    score: int = Field(examples=[92])
    threshold: int = Field(examples=[80])


class LessonIn(Schema):
    """An attendance of an online session whose learner the partner has just identified."""

    attendance_id: str = Field(pattern=r"^[0-9]{1,18}$", description="考勤编号", examples=["77"])


class ProgressIn(LessonIn):
    """A stretch of an online lesson that was played, in seconds from its beginning."""

    from_second: int = Field(ge=0, le=86_400, examples=[0])
    to_second: int = Field(ge=0, le=86_400, examples=[600])


class AttendanceOut(Schema):
    """How an attendance stands."""

    city_code: int
    attendance_id: str
    state: str = Field(
        description="expected、present、late、left_early、leave、absent、made_up、struck", examples=["present"]
    )
    signed_at: datetime | None
    credited_minutes: int
    planned_minutes: int
    flags: list[str] = Field(description="请人核对的信号", examples=[[]])
