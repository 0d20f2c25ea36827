"""The act registry: the one way to change anything.

An act is one service function, declared once with `@act`: its name, its word, who may do it and how far. The declaration
gives the permission check, the transaction, idempotency stored with the effect, the audit event, the permission grid of
the tests and the operation list of the API. Questions (pages, exports) are declared with `question` for the same grid.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol, TypeVar, cast

import msgspec
from django.db import models, transaction

from zhaoliang.kernel import crypto, faults
from zhaoliang.kernel.errors import Forbidden, SamePerson
from zhaoliang.kernel.fields import EncryptedTextField
from zhaoliang.kernel.roles import ROLE_LABELS, Access, Actor, Reach, Role

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Act(Protocol[R_co]):
    """A service function that was declared as an act: call it with `actor`, `at`, its own arguments, and maybe a `key`."""

    declaration: Declaration

    def __call__(self, *, actor: Actor, at: datetime, key: str | None = None, **arguments: Any) -> R_co: ...


@dataclass(frozen=True)
class Declaration:
    """What may be done or seen: `kind` is act or question; `grants` says which role reaches how far; `public` needs no role."""

    name: str
    label: str
    kind: str
    grants: Mapping[Role, Reach]
    public: bool = False
    on: str = ""

    def allows(self, actor: Actor, access: Access | None) -> bool:
        return self.public or actor.reaches(dict(self.grants), access)

    def check(self, actor: Actor, access: Access | None) -> None:
        """Raise Forbidden, saying which roles could, unless the actor may."""
        if self.allows(actor, access):
            return
        who = "、".join(ROLE_LABELS[role] for role in self.grants if role is not Role.SYSTEM)
        raise Forbidden(
            what=f"您的账号不能“{self.label}”。",
            why=f"能这样做的是：{who}，并且只限自己管辖或所属的范围。" if who else "这一步只由系统自动完成。",
            next_step="如果这是您的工作，请联系本单位的系统管理员核对角色和地区。",
        )


@dataclass(frozen=True)
class Running:
    """The act in progress: read by `Machine.fire` and the audit."""

    name: str
    actor: Actor
    at: datetime


# Every act commits between these two: whatever dies before leaves nothing, whatever dies after has done it.
BEFORE_COMMIT = faults.point("act:before_commit")
AFTER_COMMIT = faults.point("act:after_commit")

ACTS: dict[str, Declaration] = {}
QUESTIONS: dict[str, Declaration] = {}
_running: ContextVar[Running | None] = ContextVar("running_act", default=None)


def running() -> Running:
    """The act in progress. Raises RuntimeError outside one: states change in acts only."""
    act = _running.get()
    if act is None:
        raise RuntimeError("no act in progress: state changes only inside a function decorated with @act")
    return act


def question(name: str, label: str, grants: Mapping[Role, Reach] | None = None, *, public: bool = False) -> Declaration:
    """Declare something that can be looked at; the page that shows it checks `declaration.check(actor, access)`."""
    if name in QUESTIONS:
        raise ValueError(f"question {name} is declared twice")
    QUESTIONS[name] = Declaration(name, label, "question", dict(grants or {}), public)
    return QUESTIONS[name]


def act(
    name: str,
    *,
    label: str,
    grants: Mapping[Role, Reach],
    on: str,
    key_of: tuple[str, ...] = (),
    beside: tuple[str, ...] = (),
) -> Callable[[Callable[..., R]], Act[R]]:
    """Declare a service function as an act.

    `on` names the keyword argument whose `access()` says where the act happens and whose object it is. The decorated function
    takes `actor` and `at` (aware) and may be given `key`: the same key with the same input replays the stored answer, with
    another input raises KeyReused. `key_of` names the arguments that are this input, where the others follow from them (all,
    by default); `beside` those that are not, since they tell only how it came. Runs in one transaction with its audit event.
    """
    if name in ACTS:
        raise ValueError(f"act {name} is declared twice")
    declaration = ACTS[name] = Declaration(name, label, "act", dict(grants), on=on)

    def decorate(function: Callable[..., R]) -> Act[R]:
        @functools.wraps(function)
        def wrapper(*, actor: Actor, at: datetime, key: str | None = None, **arguments: Any) -> R:
            from zhaoliang.kernel import audit, idempotency

            if at.tzinfo is None:
                raise ValueError(f"{name}: `at` must be aware")
            target = arguments[on]
            access = target.access()
            declaration.check(actor, access)
            before = digest(target)
            token = _running.set(Running(name, actor, at))
            try:
                keyed = {one: arguments[one] for one in key_of or arguments if one not in beside}
                with idempotency.guard(
                    city_code=access.city_code, act=name, actor=actor, key=key, arguments=keyed, at=at
                ) as slot:
                    if slot.replayed:
                        return cast(R, slot.answer)
                    with transaction.atomic():
                        result = function(actor=actor, at=at, **arguments)
                        audit.append(
                            access=access,
                            act=name,
                            actor=actor,
                            at=at,
                            target=result
                            if isinstance(result, models.Model) and hasattr(result, "city_code")
                            else target,
                            before=before,
                        )
                        slot.store(result)
                        BEFORE_COMMIT()
            finally:
                _running.reset(token)
            AFTER_COMMIT()
            return result

        declared = cast(Act[R], wrapper)
        declared.declaration = declaration
        return declared

    return decorate


def require_other_person(actor: Actor, *, person_id: int | None, user_id: int | None, step: str) -> None:
    """Two people for money: refuse when the earlier step was done by the same account or the same natural person."""
    same_account = user_id is not None and user_id == actor.user_id
    same_person = person_id is not None and person_id == actor.person_id
    if same_account or same_person:
        raise SamePerson(
            what="这一步要由另一位同事完成。",
            why=f"{step}是您本人做的；不相容岗位必须由两个人分别完成，同一人的两个账号也算一个人。",
            next_step="请转给有权限的另一位同事。",
        )


# Byte for byte what the standard library writes with sorted keys and no spaces, in a tenth of its time.
_CANONICAL = msgspec.json.Encoder(order="sorted").encode
_PLAIN = frozenset({str, int, bool, type(None)})


def canonical(value: Any) -> Any:
    """A JSON form of an act's input: objects by label and key, files and bytes by their hash."""
    # Most of it is plain; asking the abstract classes below costs more than all the rest (the gate does this for each request).
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is dict:
        return {str(name): canonical(item) for name, item in value.items()}
    if kind is list:
        return [canonical(item) for item in value]
    if kind is Decimal or kind is datetime:
        return str(value)
    if isinstance(value, models.Model):
        return [value._meta.label, getattr(value, "city_code", None), str(value.pk)]
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: canonical(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): canonical(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((canonical(item) for item in value), key=str)
    if isinstance(value, bytes | bytearray | memoryview):
        return hashlib.sha256(value).hexdigest()
    if isinstance(value, date | Decimal):
        return str(value)
    if value is None or isinstance(value, str | int | bool):
        return value
    raise TypeError(f"an act's input must be plain data or models, not {type(value).__name__}")


def input_hash(arguments: Mapping[str, Any]) -> bytes:
    """Hash of an act's input, compared when an idempotency key comes back."""
    return plain_hash(canonical(arguments))


def plain_hash(arguments: Any) -> bytes:
    """The same hash of arguments that are `canonical` already, as the gate puts them together."""
    return hashlib.sha256(_CANONICAL(arguments)).digest()


def digest(instance: Any) -> bytes | None:
    """Hash of a row as it stands, for the before/after of its audit event; None for what is not a row."""
    if not isinstance(instance, models.Model) or instance.pk is None:
        return None
    row = {
        # What is encrypted at rest must not be guessable from this hash either.
        field.attname: crypto.keyed_hash(str(value), purpose="audit").hex()
        if isinstance(field, EncryptedTextField)
        else str(value)
        for field in instance._meta.concrete_fields
        for value in [field.value_from_object(instance)]
    }
    return hashlib.sha256(json.dumps(row, ensure_ascii=False, sort_keys=True).encode()).digest()
