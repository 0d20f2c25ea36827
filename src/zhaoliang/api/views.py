"""The operations of the partner API. Each reads its input, calls one act or question, and writes the answer."""

from __future__ import annotations

from ninja import Router
from ninja.params.functions import Header, Query

from zhaoliang.api import acts
from zhaoliang.api.auth import PartnerAuth, partner_in
from zhaoliang.api.schemas import (
    PROBLEMS,
    BatchOut,
    CertificateIn,
    CertificateOut,
    ClaimIn,
    ClaimOut,
    Health,
    UseIn,
    UseOut,
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
    made = acts.claim(
        partner,
        at=request.at,
        batch_id=int(body.batch_id),
        document_type=body.document_type,
        document_number=body.document_number,
        name=body.name,
        declared=body.declared,
        key=idempotency_key,
    )
    return ClaimOut.of(made)


@router.post(
    "/vouchers/use",
    auth=PartnerAuth(),
    response={200: UseOut, **PROBLEMS},
    summary="凭券码用券",
    tags=["培训券"],
    description="授权范围 vouchers.use。持券人在机构出示二维码或券码后，由机构自己的系统为开班前的班级用券。必须带请求头"
    " Idempotency-Key。码不真时 fields.code 写明 malformed、altered、foreign_key、forged、stale 或 expired。",
)
def use(request: ActorRequest, body: UseIn, idempotency_key: str = Header(..., min_length=8, max_length=64)) -> UseOut:
    """Use a voucher for a class of the partner's organisation."""
    partner = partner_in(request, "vouchers.use")
    used = acts.use(partner, at=request.at, code=body.code, class_id=int(body.class_id), key=idempotency_key)
    return UseOut.of(used)


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
