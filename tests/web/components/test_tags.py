"""The template tags: what they write, and what they refuse."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django import forms
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory

from zhaoliang.kernel.errors import Clause, Refusal
from zhaoliang.web import paging
from zhaoliang.web.components import assets
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.components.parts import Step, clause_view, steps


def render(source: str, path: str = "/", **context: Any) -> str:
    return Template("{% load zl %}" + source).render(Context({"request": RequestFactory().get(path), **context}))


class Claim(PlainForm):
    name = forms.CharField(label="姓名", help_text="与身份证上的一致。")
    mode = forms.ChoiceField(label="培训方式", choices=[("1", "线下"), ("2", "线上")], widget=forms.RadioSelect)
    note = forms.CharField(label="说明", required=False, error_messages={"max_length": "太长了"})
    token = forms.CharField(widget=forms.HiddenInput)


def test_a_wrong_field_says_so_to_screen_readers_and_in_its_own_words() -> None:
    page = render("{% field form.name %}", form=Claim({"mode": "1"}))
    assert "请填写姓名。" in page
    assert 'aria-invalid="true"' in page
    described = re.search(r'aria-describedby="([^"]+)"', page)
    assert described
    assert all(f'id="{target}"' in page for target in described[1].split())


def test_a_group_of_choices_is_named_by_its_legend_and_carries_its_error() -> None:
    page = render("{% field form.mode %}", form=Claim({"name": "甲某"}))
    assert "<legend>培训方式" in page
    assert page.count('type="radio"') == 2
    assert "请选择培训方式。" in page


def test_the_summary_leads_to_each_wrong_field() -> None:
    form = Claim({})
    page = render("{% fields form %}", form=form)
    for target in re.findall(r'href="#([^"]+)"', page):
        assert f'id="{target}"' in page
    assert "有 3 处要改" in page
    assert 'type="hidden"' in page


def test_the_page_opens_at_what_is_wrong_unless_a_field_waits_for_a_reader() -> None:
    class Scanned(PlainForm):
        code = forms.CharField(label="券码", widget=forms.TextInput(attrs={"autofocus": True}))

    assert re.search(r'class="error-summary"[^>]*tabindex="-1" autofocus', render("{% fields form %}", form=Claim({})))
    assert "autofocus" not in render("{% fields form %}", form=Claim())
    assert re.findall(r"<(\w+)[^>]* autofocus", render("{% fields form %}", form=Scanned({}))) == ["input"]


def test_an_optional_field_says_so_but_a_filter_does_not() -> None:
    assert "选填" in render("{% field form.note %}", form=Claim())
    assert "选填" not in render("{% field form.note optional=False %}", form=Claim())


def test_a_fields_own_message_wins_over_the_plain_one() -> None:
    class Own(PlainForm):
        name = forms.CharField(label="姓名", error_messages={"required": "券上的姓名不能空。"})

    assert Own({}).errors["name"] == ["券上的姓名不能空。"]


def test_what_a_person_typed_is_never_markup() -> None:
    evil = "<img src=x onerror=alert(1)>"
    page = render(
        "{% badge x %}{% refusal r x %}{% citation x %}{% empty_state x x %}{% notice x %}{% spine s %}{% field f.name %}",
        x=evil,
        r=Refusal(what=evil, why=evil, next_step=evil, clause=Clause(evil, evil, evil)),
        s=[Step(evil, "now", evil)],
        f=Claim({"name": evil}),
    )
    assert "<img" not in page


def test_a_refusal_says_what_why_what_next_and_whom_to_ask() -> None:
    refused = Refusal("不能申领。", "出勤 79.9 %。", "补签后再交。", Clause("示例〔2026〕1号", "第九条", "原文"))
    page = render("{% refusal r '河西区人社局' %}", r=refused)
    for part in ("不能申领。", "出勤 79.9 %。", "补签后再交。", "示例〔2026〕1号 第九条", "原文", "河西区人社局"):
        assert part in page


def test_a_citation_tells_whether_the_text_was_checked() -> None:
    policy = SimpleNamespace(
        document_id="d", number="示例〔2026〕1号", title="办法", clause="第九条", excerpt="", verified=False
    )
    assert "原文未核" in render("{% citation c %}", c=policy)
    policy.verified = True
    assert "原文已核" in render("{% citation c %}", c=policy)
    assert clause_view({"number": "a", "clause": "b", "verified": False}).verified is False


def test_each_rendering_of_a_form_has_its_own_key() -> None:
    assert render("{% idempotency_key %}") != render("{% idempotency_key %}")


def test_a_badge_knows_the_answers_of_a_rule_and_refuses_an_unknown_tone() -> None:
    assert 'badge-ask">说不准' in render("{% badge 'cannot_tell' %}")
    with pytest.raises(TemplateSyntaxError, match="badge tone"):
        render("{% badge '已付' 'gold' %}")


def test_an_unknown_icon_is_refused_where_it_is_written() -> None:
    with pytest.raises(TemplateSyntaxError, match="no icon named"):
        render("{% icon 'sparkles' %}")


def test_sorting_turns_round_and_keeps_the_filters() -> None:
    first = render("{% sort_link 'fen' '金额' %}", "/?state=ask&after=20")
    assert "?state=ask&amp;sort=fen" in first
    assert "after=" not in first
    assert "sort=-fen" in render("{% sort_link 'fen' '金额' %}", "/?sort=fen")
    assert 'href="?sort=fen"' in render("{% sort_link 'fen' '金额' %}", "/?sort=-fen")


def test_pages_keep_the_filters() -> None:
    here = "/?q=%E7%94%B2&after=20"
    page = paging.part(RequestFactory().get(here), range(1204), 20)
    text = render("{% pagination page '行' %}", here, page=page)
    assert "共 1,204 行，本页 20 行" in text
    places = ("", "&amp;before=20", "&amp;after=40", "&amp;before=end")
    assert re.findall(r'href="([^"]*)"', text) == [f"?q=%E7%94%B2{place}" for place in places]


def test_an_export_has_the_filters_of_the_page() -> None:
    assert 'href="/out?q=a&amp;sort=-fen"' in render("{% export_link '/out' %}", "/?q=a&sort=-fen&after=x")


def test_a_spine_of_labels_is_done_before_and_open_after_the_step_in_hand() -> None:
    assert [step.state for step in steps(["a", "b", "c"], 1)] == ["done", "now", "next"]
    assert [step.state for step in steps(["a", "b"], 2)] == ["done", "done"]
    page = render("{% spine labels now=1 %}", labels=["领券", "报名", "上课"])
    assert page.count('aria-current="step"') == 1


def test_masks_hide_and_nothing_is_a_dash() -> None:
    page = render(
        "{{ n|mask_name }} {{ i|mask_id }} {{ nothing|mask_card }} {{ nothing|fen }}",
        n="测试某",
        i="12010119900101999X",
    )
    assert "测试某" not in page
    assert "19900101" not in page
    assert page.count("—") == 2


def test_large_type_is_the_browsers_own_choice() -> None:
    request = RequestFactory().get("/")
    request.COOKIES["zl_large"] = "1"
    assert Template("{% load zl %}{% is_large %}").render(Context({"request": request})) == "True"
    assert render("{% is_large %}") == "False"


def test_pages_without_a_build_say_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "DIST", tmp_path)
    page = render("{% vite_asset 'worker.ts' %}{% build_notice %}")
    assert "<script" not in page
    assert "npm run build" in page


def test_an_entry_brings_its_styles_its_script_and_what_it_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = {
        "worker.ts": {"file": "assets/w.js", "imports": ["_c.js"], "css": ["assets/w.css"]},
        "_c.js": {"file": "assets/c.js", "imports": [], "css": ["assets/c.css"]},
        "app.css": {"file": "assets/a.css"},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    monkeypatch.setattr(assets, "DIST", tmp_path)
    page = render("{% vite_asset 'app.css' %}{% vite_asset 'worker.ts' %}{% build_notice %}")
    assert re.findall(r"dist/assets/(\w+\.\w+)", page) == ["a.css", "w.css", "c.css", "c.js", "w.js"]
    assert page.count("<script") == 1
    assert "npm run build" not in page
