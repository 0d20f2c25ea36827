"""What a worker's phone may keep for when there is no network: which pages, and whose (docs/decisions/0019)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from django.http import HttpResponse

from zhaoliang.kernel import crypto
from zhaoliang.kernel.roles import Actor
from zhaoliang.web.access import View
from zhaoliang.web.actors import ActorRequest

ACCOUNT = "Zhaoliang-Account"
KEEP = "Zhaoliang-Keep"


def account_tag(actor: Actor) -> str:
    """An account's name on its holder's phone, which tells nothing else; '' for nobody."""
    if actor.user_id is None:
        return ""
    return crypto.keyed_hash(str(actor.user_id), purpose="phone-account").hex()[:16]


def kept_on_phone(view: View) -> View:
    """The answer to a GET may be kept on the phone of the account, and shown there without network with its time."""

    @functools.wraps(view)
    def marked(request: ActorRequest, *args: Any, **address: Any) -> HttpResponse:
        response = view(request, *args, **address)
        return keep(response) if request.method == "GET" and response.status_code == 200 else response

    return marked


def keep(response: HttpResponse) -> HttpResponse:
    """Mark an answer that the phone may keep."""
    response[KEEP] = "yes"
    return response


class PhoneAccount:
    """Names the account on every answer to a phone page: another one ends what the phone kept."""

    def __init__(self, get_response: Callable[[ActorRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: ActorRequest) -> HttpResponse:
        response = self.get_response(request)
        if request.path.startswith("/my/") and (tag := account_tag(request.actor)):
            response[ACCOUNT] = tag
        return response
