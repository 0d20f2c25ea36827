"""The gate's part of the published OpenAPI document: bodies from the structs that read them, answers shared with the API."""

from __future__ import annotations

from typing import Any

import msgspec

from zhaoliang.gate.desks import ClaimIn, SignInIn, UseIn, VerifyIn
from zhaoliang.gate.documents import PartnerClaimIn
from zhaoliang.gate.institutions import PartnerUseIn

PREFIX = "Gate"
PASS, KEY = "pass", "PartnerAuth"
PROBLEMS = {
    401: "凭据或密钥不对、过期、伪造",
    403: "凭据是为别的操作签发的，或密钥没有这项授权",
    404: "没有这个对象",
    405: "只接受 POST",
    408: "内容没有及时收全",
    409: "按事实不能办，或提交码用在了别的内容上",
    413: "请求太大",
    415: "不是 JSON",
    422: "请求内容不对",
    429: "太频繁，或猜码太多；Retry-After 秒后再来",
    503: "繁忙或正在停止；Retry-After 秒后用同一个提交码重试",
}


class SignedIn(msgspec.Struct):
    """What was recorded; `flags` are the signals a person will look at; `face`, where a face result was sent along, is empty
    when it was kept and else says why not.
    """

    city_code: int
    attendance_id: str
    state: str
    signed_at: str
    flags: list[str]
    face: str | msgspec.UnsetType = msgspec.UNSET


def with_gate(document: dict[str, Any]) -> dict[str, Any]:
    """The API's document with the gate's addresses; they lie at the root of the host, beside /api."""
    structs = [ClaimIn, UseIn, VerifyIn, SignInIn, PartnerClaimIn, PartnerUseIn, SignedIn]
    _, schemas = msgspec.json.schema_components(structs, ref_template="#/components/schemas/" + PREFIX + "{name}")
    components = document.setdefault("components", {})
    components.setdefault("schemas", {}).update({PREFIX + name: schema for name, schema in schemas.items()})
    components.setdefault("securitySchemes", {})[PASS] = {
        "type": "http",
        "scheme": "bearer",
        "description": "本人页面取得的凭据，只用于一件事，几分钟有效。",
    }
    operations = {
        "claim": ("领券", [ClaimIn, PartnerClaimIn], "ClaimOut", "本人凭据，或带 vouchers.claim 授权的接口密钥。"),
        "use": ("用券", [UseIn, PartnerUseIn], "UseOut", "本人凭据，或带 vouchers.use 授权的接口密钥。"),
        "verify": ("验券", [VerifyIn], "VerifyOut", "带 vouchers.verify 授权的接口密钥。"),
        "sign-in": ("签到", [SignInIn], PREFIX + "SignedIn", "本人凭据。"),
    }
    for name, (summary, bodies, answer, who) in operations.items():
        document["paths"][f"/gate/{name}"] = {"post": _operation(name, summary, bodies, answer, who)}
    return document


def _operation(name: str, summary: str, bodies: list[type[msgspec.Struct]], answer: str, who: str) -> dict[str, Any]:
    refs = [{"$ref": f"#/components/schemas/{PREFIX}{body.__name__}"} for body in bodies]
    by = [{PASS: []}] * (name != "verify") + [{KEY: []}] * (name != "sign-in")
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "schema": {"type": "string", "minLength": 8, "maxLength": 64, "pattern": "^[!-~]{8,64}$"},
    }
    return {
        "operationId": f"gate_{name.replace('-', '_')}",
        "summary": f"{summary}（快速通道）",
        "description": who + "地址在快速通道上：同一主机的 /gate/，或它自己的端口。",
        "tags": ["快速通道"],
        "parameters": [] if name == "verify" else [key],
        "security": by,
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": refs[0] if len(refs) == 1 else {"oneOf": refs}}},
        },
        "responses": {
            "200": _answer("办成了", answer),
            **{str(status): _answer(why, "Problem") for status, why in PROBLEMS.items()},
        },
    }


def _answer(description: str, schema: str) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "content": content}
