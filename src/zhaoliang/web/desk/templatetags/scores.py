"""`{% load scores %}`: examination scores as people write them."""

from __future__ import annotations

from django import template

from zhaoliang.evaluation.rules import show_score

register = template.Library()


@register.filter
def tenths(score: int | None) -> str:
    """785 tenths as 78.5; nothing for a score that is not there."""
    return "" if score is None or score == "" else show_score(score)
