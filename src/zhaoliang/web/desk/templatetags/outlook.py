"""`{% load outlook %}`: what a rule was asked and could not tell, and what an amount hangs on."""

from __future__ import annotations

from django import template

from zhaoliang.classes.forecast import fact_words
from zhaoliang.policy import RuleResult

register = template.Library()
register.filter("fact_words", fact_words)


@register.filter
def unknown(result: RuleResult) -> str:
    """The facts a rule missed, by their names for people: 出勤课时、证书等级; nothing when it missed none."""
    return fact_words(result.missing)
