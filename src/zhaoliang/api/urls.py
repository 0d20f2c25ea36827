"""The partner API (documentation at /api/v1/docs, OpenAPI at /api/v1/openapi.json)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from zhaoliang.api import attendance, decisions
from zhaoliang.api.auth import no_key
from zhaoliang.api.examples import with_examples
from zhaoliang.api.views import router
from zhaoliang.gate.openapi import with_gate
from zhaoliang.kernel.errors import BadInput, Refusal


class Documented(NinjaAPI):
    """The API whose document holds the gate's addresses too, and an example of every call."""

    def get_openapi_schema(self, *given: Any, **named: Any) -> Any:
        """One document for partners."""
        return with_examples(with_gate(super().get_openapi_schema(*given, **named)))


api = Documented(
    title="照亮开放接口",
    version="1",
    urls_namespace="api",
    description="培训券查验和领取、读卡器签到、线上学习进度、补贴决定、证书查验。金额都是整数分；编号是字符串；时间带时区。"
    "没有办成时返回 code（稳定）、what（怎么了）、why（为什么）、next（怎么办）、clause（依据）、fields（哪一项）。",
)
api.add_router("", router)
api.add_router("", attendance.router)
api.add_router("", decisions.router)


@api.exception_handler(Refusal)
def refused(request: HttpRequest, error: Refusal) -> HttpResponse:
    """Every refusal in the one form of the platform; 429 says when to come back."""
    response = api.create_response(request, error.as_dict(), status=error.status)
    if wait := getattr(error, "retry_after", None):
        response["Retry-After"] = str(wait)
    return response


@api.exception_handler(AuthenticationError)
def unknown(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    """A request without the header."""
    return refused(request, no_key())


@api.exception_handler(HttpError)
def unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    """A body that is no JSON."""
    return refused(request, BadInput("没有执行：请求内容不对。", "请求内容不是 JSON。", "请按接口文档改正后重发。"))


@api.exception_handler(ValidationError)
def malformed(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A body or parameter of the wrong form: which field and what it lacks, never what was in it."""
    fields = {str(item["loc"][-1]): _lack(item) for item in error.errors}
    return refused(
        request,
        BadInput("没有执行：请求内容不对。", "有字段缺少或格式不对。", "请按接口文档改正后重发。", fields=fields),
    )


_LACKS = {
    "missing": "缺少。",
    "string_too_short": "至少 {min_length} 个字符。",
    "string_too_long": "最多 {max_length} 个字符。",
    "too_long": "最多 {max_length} 项。",
    "greater_than_equal": "不能小于 {ge}。",
    "less_than_equal": "不能大于 {le}。",
}


def _lack(item: dict[str, Any]) -> str:
    """What is wrong with one field, by pydantic's kind of error."""
    return _LACKS.get(item.get("type", ""), "格式不对。").format(**item.get("ctx", {}))
