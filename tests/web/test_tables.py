"""Tables: what stays whole on one line, and what takes several, so that the amounts stay on the screen."""

from __future__ import annotations

import re

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory

from zhaoliang.web.tables import Column, table

pytestmark = pytest.mark.mission("N2")

COLUMNS = (
    Column("payee", "户名", lambda row: row[0]),
    Column("number", "流水号", lambda row: row[1], "code"),
    Column("fen", "金额", lambda row: row[2], "money"),
)


def test_a_long_name_takes_several_lines_and_a_short_one_or_a_number_does_not() -> None:
    request = RequestFactory().get("/")
    rows = [("甲某", "BF12000020260414000001000001", 378_000), ("阿卜杜热合曼·" * 8, "BF1", 378_000)]
    page = render_to_string("console/parts/table.html", {"table": table(request, rows, COLUMNS), "request": request})
    looks = re.findall(r'<td class="(\w+)', page)
    assert looks == ["nowrap", "nowrap", "num", "wide", "nowrap", "num"]
