"""Notices on the pages of a face: each with the address of what it is about, newest first."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from zhaoliang.registry.models import Notice
from zhaoliang.web.paging import Part, part

PER_PAGE = 30


def paged(request: HttpRequest, rows: QuerySet[Notice], addresses: Mapping[str, str]) -> Part:
    """One page of notices, each with `url`; `addresses` maps a subject's kind to a URL name taking city and id."""
    page = part(request, rows, PER_PAGE)
    for one in page:
        name = addresses.get(one.subject_type)
        one.url = reverse(name, args=[one.city_code, one.subject_id]) if name and one.subject_id else ""
    return page
