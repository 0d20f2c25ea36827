"""`{% load training %}`: words of the training trade that more than one page writes."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.safestring import SafeString

from zhaoliang.kernel.identifiers import InvalidIdentifier
from zhaoliang.kernel.identifiers.voucher_code import parse_code
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.policy.differences import Change, marked
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.vouchers.models import VoucherCheck
from zhaoliang.web import verified
from zhaoliang.web.components import formats
from zhaoliang.web.components.parts import ClauseView, clause_view
from zhaoliang.web.components.templatetags.zl import badge
from zhaoliang.web.portal.standards import PAYEES

register = template.Library()


@register.filter
def level_label(level: int | None) -> str:
    """`高级工（三级）`; 不分等级 for none."""
    return SkillLevel(level).label if level else "不分等级"


@register.filter
def voucher_code(code: str) -> str:
    """A voucher's code grouped for reading aloud; as it is when it cannot be read."""
    try:
        return parse_code(code).display
    except InvalidIdentifier:
        return code


@register.filter
def linked(citation: Any) -> ClauseView:
    """A policy citation with the address of its text on the policies page."""
    view = clause_view(citation)
    document_id, clause_id = getattr(citation, "document_id", ""), getattr(citation, "clause_id", "")
    if not document_id:
        return view
    if clause_id:
        address = reverse("portal:clause", kwargs={"document": document_id, "clause": clause_id})
    else:
        address = reverse("portal:policy", kwargs={"document": document_id})
    return ClauseView(view.number, view.ref, view.title, view.excerpt, view.verified, address)


@register.filter
def fact_label(name: str) -> str:
    """The Chinese name of a fact; a table cell or an open term as it is."""
    return lawbook().facts.label(name)


@register.filter
def payee_words(code: str) -> str:
    """Who is paid, in words: 发给本人."""
    return PAYEES[code]


@register.filter
def marks(change: Change) -> tuple[tuple[str, str], ...]:
    """A change as pieces of text that stayed, are gone or are new."""
    return marked(change.before, change.after)


@register.filter
def asked_by(check: VoucherCheck) -> str:
    """Who verified a voucher, for its holder and the bureau."""
    return verified.asked_by(check)


@register.simple_tag
def answer_badge(answer: str) -> SafeString:
    """What a verification answered, as the voucher's holder reads it."""
    return badge(*(verified.TO_HOLDER.get(answer) or verified.ANSWERS.get(answer, (answer, ""))))


@register.filter
def few(number: int) -> str:
    """A number of people for everybody's eyes: one to four are not told apart."""
    return "少于 5" if 0 < number < 5 else formats.count(number)
