"""One field for two questions: is this certificate real, is this training voucher good?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from django.http import HttpResponse
from django.shortcuts import render

from zhaoliang.certificates import selectors as certificates
from zhaoliang.certificates import throttle
from zhaoliang.certificates.selectors import CheckAnswer
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.identifiers import normalise
from zhaoliang.kernel.identifiers.voucher_code import CODE_LENGTH
from zhaoliang.kernel.roles import Place, system_actor
from zhaoliang.registry import selectors as registry
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.vouchers.services import VerifyAnswer, verify_voucher
from zhaoliang.vouchers.services.checks import read_given
from zhaoliang.web.access import page
from zhaoliang.web.actors import ActorRequest
from zhaoliang.web.portal import perms
from zhaoliang.web.portal.forms import CheckForm

GOOD = {"good": "ok", "verified": "ok", "used": "ask", "stale": "ask", "malformed": "ask"}


@dataclass(frozen=True)
class Result:
    """What the page answers: about a voucher or about a certificate."""

    kind: Literal["voucher", "certificate"]
    voucher: VerifyAnswer | None = None
    certificate: CheckAnswer | None = None

    @property
    def tone(self) -> str:
        """The tone of the voucher's answer."""
        return GOOD.get(self.voucher.answer, "no") if self.voucher else ""


@page(perms.CHECK)
def check(request: ActorRequest) -> HttpResponse:
    """Ask by POST, so that no name ends up in an address or a log. A certificate's QR code leads here with its number in the
    address and its signed content behind the `#`, which the page's script posts as `token`."""
    form = CheckForm(request.POST or None, initial={"number": request.GET.get("q", "")[:60]})
    result: Result | None = None
    refused: Refusal | None = None
    if request.method == "POST":
        try:
            result = _answer(request, form)
        except Refusal as caught:
            refused = caught
    status = refused.status if refused else 200
    context = {"section": "check", "form": form, "result": result, "refused": refused}
    return render(request, "portal/check.html", context, status=status)


def _answer(request: ActorRequest, form: CheckForm) -> Result | None:
    client = request.META.get("REMOTE_ADDR", "")
    if token := request.POST.get("token", ""):
        throttle.admit(client=client, at=request.at)
        return Result("certificate", certificate=certificates.check_token(token))
    if not form.is_valid():
        return None
    number, name = form.cleaned_data["number"], form.cleaned_data["name"].strip()
    voucher = is_voucher(number)
    if not voucher and not name:
        form.add_error("name", "查证书要填持证人姓名。")
        return None
    throttle.admit(client=client, at=request.at)
    if voucher:
        return Result("voucher", voucher=_voucher(request, number))
    return Result("certificate", certificate=certificates.check(number, name))


def is_voucher(text: str) -> bool:
    """Whether the text is a voucher's code or QR rather than a certificate number: 19 characters that begin with a city."""
    if is_qr(text):
        return True
    plain = normalise(text, drop="·•・-－—_.")
    return len(plain) == CODE_LENGTH and plain[:6].isdigit() and not plain.isdigit()


def _voucher(request: ActorRequest, text: str) -> VerifyAnswer:
    given = read_given(text, request.at)
    if given.asked is None:
        return VerifyAnswer(None, str(given.known), given.problem)
    city = next((one for one in registry.cities() if one.code == int(given.asked[:6])), None)
    if city is None:
        return VerifyAnswer(None, "not_found", "没有这张券，可能是伪造的。")
    return verify_voucher(
        actor=system_actor("公众查询"),
        at=request.at,
        place=Place(city.code, city.code),
        code=text,
        organisation=None,
        method="public",
    )
