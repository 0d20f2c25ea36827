"""The operations of the partner API. Each reads its input, calls one act or question, and writes the answer."""

from __future__ import annotations

from ninja import Router
from ninja.params.functions import Header, Query

from zhaoliang.api.auth import PartnerAuth, partner_in
from zhaoliang.api.schemas import (
    PROBLEMS,
    BatchOut,
    CertificateIn,
    CertificateOut,
    ClaimIn,
    ClaimOut,
    Health,
    VerifyIn,
    VerifyOut,
)
from zhaoliang.certificates import selectors as certificates
from zhaoliang.certificates import throttle
from zhaoliang.kernel.errors import BadInput, NotFound
from zhaoliang.registry import selectors as registry
from zhaoliang.vouchers import selectors as vouchers
from zhaoliang.vouchers import services
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.web.actors import ActorRequest

router = Router()


@router.get("/health", response=Health, summary="接口是否可用", tags=["运行"])
def health(request: ActorRequest) -> Health:
    """Answers as long as the process runs; readiness of the whole platform is `/readyz`."""
    return Health(status="ok", at=request.at)


@router.get(
    "/vouchers/batches", response={200: list[BatchOut], **PROBLEMS}, summary="正在发放的培训券", tags=["培训券"]
)
def batches(request: ActorRequest, city_code: int = Query(..., ge=100000, le=999999)) -> list[BatchOut]:
    """Open to everybody: what can be claimed in a city now."""
    found = vouchers.open_batches(city_code, city_code, request.at)
    return [
        BatchOut(
            city_code=one.city_code,
            id=str(one.pk),
            name=one.name,
            project=one.scope_text,
            provider=one.project.provider.name if one.project else "",
            amount_fen=one.amount_fen,
            left=one.left,
            claim_until=one.claim_until,
            use_until=one.use_until,
            declaration=one.declaration,
        )
        for one in found
    ]


@router.post(
    "/vouchers/verify",
    auth=PartnerAuth(),
    response={200: VerifyOut, **PROBLEMS},
    summary="验券",
    tags=["培训券"],
    description="授权范围 vouchers.verify。以密钥所属机构的名义查验；每次都记录，持券人看得到。重复查验无害，不用提交码。",
)
def verify(request: ActorRequest, body: VerifyIn) -> VerifyOut:
    """Verify a voucher for the partner's organisation; a used one of that organisation becomes verified."""
    partner = partner_in(request, "vouchers.verify")
    place = partner.place
    if place.organisation_id is None:
        raise NotFound("没有验券。", "密钥的账号没有所属机构。", "请联系发放密钥的人社部门。")
    answer = services.verify_voucher(
        actor=partner.actor,
        at=request.at,
        place=place,
        code=body.code,
        organisation=registry.organisation(place.city_code, place.organisation_id),
        method="scanned" if is_qr(body.code) else "api",
    )
    return VerifyOut(answer=answer.answer, says=answer.says, good_for=answer.good_for)


@router.post(
    "/vouchers/claim",
    auth=PartnerAuth(),
    response={200: ClaimOut, **PROBLEMS},
    summary="代本人领券",
    tags=["培训券"],
    description="授权范围 vouchers.claim。必须带请求头 Idempotency-Key：同一提交码重发得到同一结果，换了内容则拒绝。",
)
def claim(
    request: ActorRequest, body: ClaimIn, idempotency_key: str = Header(..., min_length=8, max_length=64)
) -> ClaimOut:
    """Claim a voucher for a person whom the partner (card app, activity page) has just identified."""
    partner = partner_in(request, "vouchers.claim")
    city_code = partner.place.city_code
    person = registry.find_person(
        city_code=city_code, document_type=body.document_type, document_number=body.document_number
    )
    if person is None or person.name != body.name.strip():
        raise NotFound("没有领取。", "本市没有姓名和证件号都相符的档案。", "请核对，或让本人先在平台登录一次完成建档。")
    at = request.at
    batch = next((one for one in vouchers.open_batches(city_code, city_code, at) if one.pk == int(body.batch_id)), None)
    if batch is None:
        raise NotFound("没有领取。", "没有这个正在发放的批次。", "请用 /vouchers/batches 查看现在能领的。")
    made = services.claim_voucher(
        actor=partner.actor,
        at=at,
        person=person,
        batch=batch,
        declared=body.declared,
        channel="api",
        key=idempotency_key,
    )
    return ClaimOut(
        city_code=made.city_code,
        id=str(made.pk),
        code=made.code,
        state=made.state,
        amount_fen=made.amount_fen,
        use_until=batch.use_until,
    )


@router.post(
    "/certificates/check",
    response={200: CertificateOut, **PROBLEMS},
    summary="查证书",
    tags=["证书"],
    description="对所有人开放，每个网络地址每分钟 30 次。用 POST，姓名不进网址和日志。",
)
def check_certificate(request: ActorRequest, body: CertificateIn) -> CertificateOut:
    """The public check by number and name, or by the token of the QR code."""
    if not body.token and not (body.number and body.name):
        raise BadInput(
            "没有查询。", "要有证书编号和姓名，或者二维码里的内容。", "请补齐后再查。", fields={"number": "请填写。"}
        )
    throttle.admit(client=request.META.get("REMOTE_ADDR", ""), at=request.at)
    answer = certificates.check_token(body.token) if body.token else certificates.check(body.number, body.name)
    content = answer.content
    return CertificateOut(
        outcome=answer.outcome.value,
        says=answer.says,
        next_step=answer.next_step,
        number=content.number if content else None,
        kind=content.kind_label if content else None,
        occupation=content.occupation if content else None,
        level=content.level_label if content else None,
        hours=content.hours if content else None,
        issuer=content.issuer if content else None,
        issued_on=content.issued_on if content else None,
        ended_on=answer.ended_on,
        replaced_by=answer.replaced_by,
    )
