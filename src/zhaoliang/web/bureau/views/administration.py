"""Accounts and roles (administrator) and the audit log (auditor)."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from zhaoliang.kernel import audit
from zhaoliang.kernel.acts import ACTS
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, NotFound, Refusal
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import ORGANISATION_ROLES, Access, Role
from zhaoliang.registry import perms, selectors, services
from zhaoliang.registry.models import Organisation, User
from zhaoliang.web.access import page
from zhaoliang.web.acting import given, may, refused
from zhaoliang.web.bureau import forms
from zhaoliang.web.bureau import perms as desk_perms
from zhaoliang.web.bureau import selectors as desk_selectors
from zhaoliang.web.bureau.desk import Desk, DeskRequest, desk_of, here
from zhaoliang.web.components import toasts
from zhaoliang.web.tables import Column, excel, ordered, table

COLUMNS = (
    Column("username", "登录名", lambda row: row.user.username, "code", "user__username"),
    Column("name", "显示名", lambda row: row.user.name, order="user__name"),
    Column("role", "角色", lambda row: row.get_role_display(), order="role"),
    Column("region", "管辖地区", lambda row: row.region.name, order="region_id"),
    Column("since", "自", lambda row: row.valid_from, "date", "valid_from"),
    Column("until", "至", lambda row: row.valid_to, "date", "valid_to"),
    Column(
        "active",
        "账号",
        lambda row: ("启用", "ok") if row.user.is_active else ("已停用", "no"),
        "badge",
        "user__is_active",
    ),
)
# Events that are no acts of the registry.
OTHER_ACTS = {"look": "查看个人档案或名单", "sign_in": "登录"}
WINDOW = timedelta(days=30)
# A page of findings is enough to act on; the counts tell the rest.
MOST_FINDINGS = 100


def act_label(name: str) -> str:
    """The Chinese word of an audit event's act."""
    return ACTS[name].label if name in ACTS else OTHER_ACTS.get(name, name)


AUDIT_COLUMNS = (
    Column("at", "时间", lambda row: row.at, "datetime", "at"),
    Column("actor", "经办人", lambda row: row.actor_name, order="actor_name"),
    Column("act", "行为", lambda row: act_label(row.act), order="act", wide=True),
    Column("object", "对象", lambda row: _object(row), order="object_type"),
    Column("why", "说明", lambda row: row.detail.get("why", ""), wide=True),
    Column("region", "地区", lambda row: row.region_code, "code", "region_code"),
)


def _object(row: AuditEvent) -> str:
    return f"{row.object_type} {row.object_id}" if row.object_id else row.object_type


@page(perms.USERS, access=here)
@require_GET
def user_list(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The roles held in the region and below."""
    wanted, desk = forms.RoleFilter(request.GET), desk_of(request)
    rows = desk_selectors.assignments(desk, role=wanted.said("role"), text=wanted.said("text"))
    if export:
        return excel("账号和角色", COLUMNS, ordered(request, rows, COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:users_export"),
        "table": table(request, rows, COLUMNS, url=lambda row: user_url(row.user_id), unit="个角色"),
        "may_create": may(request, services.create_user, desk.access),
    }
    return render(request, "bureau/user_list.html", context)


def user_url(pk: int) -> str:
    return reverse("bureau:user", args=[pk])


def _choices(desk: Desk) -> list[Any]:
    return [selectors.region(desk.region_code), *selectors.regions_under(desk.region_code)]


def _organisation(desk: Desk, uscc: str) -> Organisation | None:
    """The organisation a role lies in, by its code. Raises BadInput when the city has none of that code."""
    if not uscc.strip():
        return None
    found = selectors.organisation_by_uscc(desk.city_code, uscc)
    if found is None:
        raise BadInput(
            what="没有这家机构。",
            next_step="请核对信用代码，或先登记机构。",
            fields={"organisation_uscc": "本市没有这个信用代码的机构。"},
        )
    return found


def _person_id(desk: Desk, number: str) -> int | None:
    """The natural person behind an account. Raises BadInput when the city has no file of that number."""
    if not number.strip():
        return None
    found = selectors.find_person(city_code=desk.city_code, document_type="resident_id", document_number=number)
    if found is None:
        raise BadInput(
            what="没有这个人的档案。",
            next_step="请先为本人建档，或留空。",
            fields={"document_number": "本市没有这个号码的实名档案。"},
        )
    return found.pk


@page(services.create_user.declaration, access=here)
@require_http_methods(["GET", "POST"])
def user_new(request: DeskRequest) -> HttpResponse:
    """A new account with its first role, both or neither: an account nobody can use must not block its name."""
    desk = desk_of(request)
    form = forms.UserForm(_choices(desk), request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            organisation = _organisation(desk, said["organisation_uscc"])
            if Role(said["role"]) in ORGANISATION_ROLES and organisation is None:
                raise BadInput("还没有填机构。", fields={"organisation_uscc": "机构人员要填所属机构。"})
            with transaction.atomic():
                made = services.create_user(
                    **given(request),
                    place=desk.place,
                    username=said["username"],
                    name=said["name"],
                    password=said["password"],
                    person_id=_person_id(desk, said["document_number"]),
                    city_code=desk.city_code,
                )
                _assign(request, made, said, organisation)
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "账号已建立。请本人首次登录时设置第二重验证。")
            return redirect(user_url(made.pk))
    context = {"form": form, "title": "建立账号", "back": reverse("bureau:users"), "action": "建立账号"}
    return render(request, "bureau/one_form.html", context, status=422 if form.errors else 200)


def _assign(request: DeskRequest, user: User, said: dict[str, Any], organisation: Organisation | None) -> None:
    services.assign_role(
        **given(request),
        place=desk_of(request).place,
        user=user,
        role=Role(said["role"]),
        region_code=said["region_code"],
        organisation=organisation,
        valid_from=chinese_day(request.at),
    )


def user_access(request: DeskRequest, pk: int, **_: Any) -> Access:
    """An account is seen by the administrators of the places its roles lie in; kept as `request.subject`."""
    desk = desk_of(request)
    found = desk_selectors.user_of(desk, pk)
    if found is None:
        raise NotFound(what="没有这个账号。", why="它的角色不在您的管辖地区。", next_step="请从列表进入。")
    request.subject = found
    return desk.access


@page(perms.USERS, act=services.assign_role.declaration, access=user_access)
@require_http_methods(["GET", "POST"])
def user(request: DeskRequest, pk: int) -> HttpResponse:
    """An account with its roles; a POST gives it another role."""
    found: User = request.subject
    desk = desk_of(request)
    form = forms.RoleForm(_choices(desk), request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            _assign(request, found, form.cleaned_data, _organisation(desk, form.cleaned_data["organisation_uscc"]))
        except Refusal as problem:
            forms.refuse(form, problem)
        else:
            toasts.say(request, "角色已授予。")
            return redirect(user_url(found.pk))
    today = chinese_day(request.at)
    roles = desk_selectors.roles_of(found)
    names = desk_selectors.organisation_names(
        desk.city_code, [row.organisation_id for row in roles if row.organisation_id]
    )
    context = {
        "found": found,
        "roles": [
            (row, names.get(row.organisation_id or 0, ""), row.valid_to is None or row.valid_to >= today)
            for row in roles
        ],
        "form": form,
        "password_form": forms.PasswordForm(),
        "may_manage": may(request, services.assign_role, desk.access),
    }
    return render(request, "bureau/user.html", context, status=422 if form.errors else 200)


@page(services.end_role.declaration, access=user_access)
@require_POST
def end_role(request: DeskRequest, pk: int, role: int) -> HttpResponse:
    """Today is the last day of a role."""
    found = next((row for row in desk_selectors.roles_of(request.subject) if row.pk == role), None)
    if found is None:
        raise NotFound(what="没有这个角色。", why="这个账号没有它。", next_step="请刷新页面。")
    try:
        services.end_role(
            **given(request), place=desk_of(request).place, assignment=found, valid_to=chinese_day(request.at)
        )
    except Refusal as problem:
        return refused(request, problem, user_url(pk))
    toasts.say(request, "角色已收回，今天是最后一天。")
    return redirect(user_url(pk))


@page(services.set_user_active.declaration, access=user_access)
@require_POST
def set_active(request: DeskRequest, pk: int) -> HttpResponse:
    """Stop an account or open it again."""
    active = request.POST.get("active") == "yes"
    try:
        services.set_user_active(**given(request), place=desk_of(request).place, user=request.subject, active=active)
    except Refusal as problem:
        return refused(request, problem, user_url(pk))
    toasts.say(request, "账号已启用。" if active else "账号已停用，不能再登录。")
    return redirect(user_url(pk))


@page(services.set_password.declaration, access=user_access)
@require_POST
def set_password(request: DeskRequest, pk: int) -> HttpResponse:
    """A new password."""
    form = forms.PasswordForm(request.POST)
    if form.is_valid():
        try:
            services.set_password(
                **given(request), place=desk_of(request).place, user=request.subject, **form.cleaned_data
            )
        except Refusal as problem:
            if not problem.fields:
                return refused(request, problem, user_url(pk))
            forms.refuse(form, problem)
        else:
            toasts.say(request, "密码已重设，请当面交给本人。")
            return redirect(user_url(pk))
    context = {"form": form, "title": "重设密码", "back": user_url(pk), "action": "重设密码"}
    return render(request, "bureau/one_form.html", context, status=422)


def _window(wanted: forms.AuditFilter, today: date) -> tuple[date, date]:
    wanted.is_valid()
    until = wanted.cleaned_data.get("until") or today
    return wanted.cleaned_data.get("since") or until - WINDOW, until


@page(desk_perms.AUDIT, access=here)
@require_GET
def audit_log(request: DeskRequest, export: bool = False) -> HttpResponse:
    """The events of the region in a stretch of days (the last thirty unless said), and the head of the chain."""
    desk = desk_of(request)
    acts = sorted((name, declaration.label) for name, declaration in ACTS.items())
    wanted = forms.AuditFilter([*OTHER_ACTS.items(), *acts], request.GET)
    since, until = _window(wanted, chinese_day(request.at))
    rows = desk_selectors.audit_events(
        desk, since=since, until=until, act=wanted.said("act"), actor=wanted.said("actor")
    )
    if export:
        return excel("审计日志", AUDIT_COLUMNS, ordered(request, rows, AUDIT_COLUMNS))
    context = {
        "filters": wanted,
        "export_url": reverse("bureau:audit_export"),
        "table": table(request, rows, AUDIT_COLUMNS, unit="条记录"),
        "since": since,
        "until": until,
        "head": desk_selectors.head_of(desk.city_code),
        "unsealed": audit.unsealed(city_code=desk.city_code),
    }
    return render(request, "bureau/audit.html", context)


@page(desk_perms.AUDIT, access=here)
@require_GET
def audit_verify(request: DeskRequest) -> HttpResponse:
    """Re-derive the city's chain now and say where it is not what was sealed."""
    desk = desk_of(request)
    found = list(audit.verify(city_code=desk.city_code))
    context = {
        "findings": found[:MOST_FINDINGS],
        "total": len(found),
        "kinds": Counter(one.what for one in found).most_common(),
        "head": desk_selectors.head_of(desk.city_code),
        "unsealed": audit.unsealed(city_code=desk.city_code),
        "at": request.at,
        "desk": desk,
    }
    return render(request, "bureau/audit_verify.html", context)
