"""Notices on the pages of a face: each with the address of what it is about, newest first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.urls import reverse

from zhaoliang.registry.models import Notice

PER_PAGE = 30


def paged(rows: QuerySet[Notice], addresses: Mapping[str, str], number: str | None) -> Page[Any]:
    """One page of notices, each with `url`; `addresses` maps a subject's kind to a URL name taking city and id."""
    page = Paginator(rows, PER_PAGE).get_page(number)
    for one in page:
        name = addresses.get(one.subject_type)
        one.url = reverse(name, args=[one.city_code, one.subject_id]) if name and one.subject_id else ""
    return page
