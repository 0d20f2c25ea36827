"""Error pages: each says what happened, why, and what to do next."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from zhaoliang.kernel.errors import Forbidden, NotFound, Refusal

# Where a refusal on the phone leads, by the first part of its address: the tab, the page and what the button says.
PHONE = {
    "find": ("find", "find", "看看能领什么"),
    "vouchers": ("vouchers", "vouchers", "看我的券"),
    "c": ("classes", "scan", "重新扫码"),
} | dict.fromkeys(("classes", "sessions", "lessons", "scan", "doubts"), ("classes", "classes", "回到上课"))


def refusal(request: HttpRequest, error: Refusal) -> HttpResponse:
    """The page (or, for the API, the JSON) of a refusal."""
    if request.path.startswith("/api/"):
        return JsonResponse(error.as_dict(), status=error.status, json_dumps_params={"ensure_ascii": False})
    if request.path.startswith("/my/") and not isinstance(error, Forbidden):
        tab, name, label = PHONE.get(request.path.split("/")[2], ("me", "me", "回到我的"))
        context = {"refusal": error, "tab": tab, "back": f"worker:{name}", "label": label}
        response = render(request, "worker/refusal.html", context, status=error.status)
    else:
        response = render(request, "errors/refusal.html", {"refusal": error}, status=error.status)
    wait = getattr(error, "retry_after", None)
    if wait is not None:
        response["Retry-After"] = str(wait)
    return response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return refusal(request, Refusal("这个请求无法处理。", "浏览器送来的内容不完整或格式不对。", "请返回上一页重试。"))


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(
        request, Forbidden("您不能打开这个页面。", "当前账号没有这项权限。", "请换一个账号登录，或返回首页。")
    )


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return refusal(
        request, NotFound("没有这个页面。", "地址可能打错了，或内容已经移走。", "请返回首页，从菜单重新进入。")
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """The page for a fault of ours; rendered without context processors, which may be what failed."""
    return render(None, "errors/500.html", status=500)  # type: ignore[arg-type]


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page for a form whose protection code ran out; the person's input is still in the browser's form."""
    return refusal(
        request,
        Forbidden(
            "这次提交没有执行，内容没有丢。",
            "页面停留太久，安全校验已过期，或浏览器禁用了 Cookie。",
            "请按浏览器的返回键回到表单，刷新后重新提交。",
        ),
    )
