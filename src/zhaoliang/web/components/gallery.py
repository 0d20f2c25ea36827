"""Every part in every state on one page, to be looked at (DEBUG only)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from zhaoliang.kernel.errors import Clause, Refusal
from zhaoliang.web.components.forms import PlainForm
from zhaoliang.web.components.parts import ClauseView, Event, Face, NavItem, Step, steps
from zhaoliang.web.paging import part

FACES = ("console", "review", "worker", "public", "account", "refusal")


class SampleForm(PlainForm):
    """One field of each kind."""

    name = forms.CharField(label="姓名", help_text="与身份证上的一致。")
    level = forms.ChoiceField(label="等级", choices=[("", "请选择"), ("5", "初级工（五级）"), ("4", "中级工（四级）")])
    start = forms.DateField(label="开班日期", widget=forms.DateInput(attrs={"type": "date"}))
    mode = forms.ChoiceField(
        label="培训方式", choices=[("1", "线下集中"), ("2", "线上线下结合")], widget=forms.RadioSelect
    )
    reason = forms.CharField(label="说明", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    agree = forms.BooleanField(label="我承诺以上情况属实，并同意核验。")


class FilterForm(forms.Form):
    """Filters of the sample table."""

    q = forms.CharField(label="姓名或券码", required=False)
    state = forms.ChoiceField(label="状态", choices=[("", "全部"), ("ask", "等您判断")], required=False)


class UploadForm(forms.Form):
    """A roster to upload."""

    roster = forms.FileField(
        label="学员花名册",
        widget=forms.FileInput(attrs={"accept": ".xlsx", "class": "file-input", "aria-describedby": "id_roster_help"}),
    )


def _nav() -> tuple[NavItem, ...]:
    return (
        NavItem("我的待办", "#", "inbox", 23, current=True),
        NavItem("开班备案", "#", "file", 4),
        NavItem("补贴审核", "#", "review", 1204),
        NavItem("公示", "#", "publicity"),
        NavItem("资金", "#", "wallet", group="钱"),
        NavItem("付款", "#", "money", group="钱"),
        NavItem("监管", "#", "risk", group="看"),
        NavItem("统计", "#", "chart", group="看"),
        NavItem("政策", "#", "policy", group="看"),
    )


def _context(request: HttpRequest) -> dict[str, Any]:
    clause = ClauseView(
        number="示例〔2026〕1号",
        ref="第九条",
        title="示例文件标题，只用来看样式",
        excerpt="这里是条款原文的摘录。长的时候会换行，弹层不会超出屏幕。",
        verified=True,
    )
    bad = SampleForm({"name": "", "level": "9", "start": "2026-02-31", "reason": "已经填的内容还在"})
    people = [
        {"name": "赵*", "tail": "1102", "fen": 200000, "note": "出勤 100 % · 已取证", "word": "全部通过", "tone": "ok"},
        {
            "name": "李*",
            "tail": "4417",
            "fen": 200000,
            "note": "出勤 81.2 % · 已取证",
            "word": "1 项说不准",
            "tone": "ask",
        },
        {"name": "孙*", "tail": "0926", "fen": 0, "note": "出勤 79.9 % · 已取证", "word": "1 项不符合", "tone": "no"},
        {
            "name": "买买提·阿不都热依木·测试",
            "tail": "7730",
            "fen": 12345678900,
            "note": "很长的说明文字：六个月内就业，单位名称特别特别长的示例机械制造有限责任公司第三分公司",
            "word": "全部通过",
            "tone": "ok",
        },
    ]
    return {
        "face": Face("照亮 · 天津市", "天津市", "测试员甲", "初审", home_url="#", sign_out_url="#", nav=_nav()),
        "tab": "classes",
        "clause": clause,
        "unverified": ClauseView(number="经办规程", ref="五（三）", excerpt="未取得原文，先作配置。", verified=False),
        "refused": Refusal(
            what="孙*这一行没有通过，不能申领补贴。",
            why="出勤率 79.9 %，低于 80 %。",
            next_step="补上漏签的 1 次现场签到证明，再提交一次；或在 10 个工作日内申诉。",
            clause=Clause("示例文号", "第九条", "条款原文的摘录。"),
        ),
        "steps": steps(["领券", "报名", "上课", "考核", "取证", "到账"], 2),
        "class_steps": [
            Step("备案", "done", "3月2日"),
            Step("名册", "problem", "3 行要改"),
            Step("上课", "next"),
            Step("考核", "next"),
            Step("申领", "next"),
            Step("到账", "next"),
        ],
        "events": [
            Event("机构提交申领", datetime(2026, 3, 30, 1, 0, tzinfo=UTC), "测试培训学校", "38 人，¥72,200.00"),
            Event("初审通过", datetime(2026, 4, 1, 2, 30, tzinfo=UTC), "测试员甲"),
            Event("复审中", None, "测试员乙", due="还剩 2 个工作日（至 4月7日）", state="now"),
            Event("公示 5 个工作日", state="next"),
        ],
        "people": people,
        "form": SampleForm(),
        "bad": bad,
        "filters": FilterForm(request.GET or None),
        "upload": UploadForm(),
        "page": part(request, range(1204), 20),
        "at": datetime(2026, 3, 5, 0, 30, tzinfo=UTC),
    }


def gallery(request: HttpRequest) -> HttpResponse:
    """All parts; 404 outside DEBUG."""
    return face(request, "console")


def face(request: HttpRequest, face: str) -> HttpResponse:
    """One face with sample content; 404 outside DEBUG or for an unknown face."""
    if not settings.DEBUG or face not in FACES:
        raise Http404
    return render(request, f"components/gallery/{face}.html", _context(request))
