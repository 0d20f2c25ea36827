"""Idempotency keys, stored in the same transaction as the effect they protect.

Scope: (city, act, actor, key), kept for ever. Same key and input: the stored answer. Same key, other input: KeyReused.
A refusal about the facts is stored too and stays decided; a passing one (busy, not permitted) is not, so the caller may try again.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db import models, transaction

from zhaoliang.kernel import errors
from zhaoliang.kernel.acts import ACTS, input_hash
from zhaoliang.kernel.jobs.reporting import KEY_PREFIX, in_job
from zhaoliang.kernel.models import IdempotencyKey
from zhaoliang.kernel.roles import Actor


class Slot:
    """What `guard` hands to the act: whether the answer is a replay, and where to put a new one."""

    def __init__(self, row: IdempotencyKey | None, *, replayed: bool = False, answer: Any = None) -> None:
        self.row, self.replayed, self.answer = row, replayed, answer

    def store(self, result: Any) -> None:
        """Keep the answer with the effect; call inside the act's transaction."""
        if self.row is not None:
            IdempotencyKey.objects.filter(city_code=self.row.city_code, pk=self.row.pk).update(answer=_freeze(result))


@contextmanager
def guard(
    *, city_code: int, act: str, actor: Actor, key: str | None, arguments: Mapping[str, Any], at: datetime
) -> Iterator[Slot]:
    """Hold `key` while the act runs. Two callers at once: the second waits for the first and gets its answer."""
    if key is None:
        yield Slot(None)
        return
    if len(key) > 64:
        raise errors.BadInput(what="重复提交保护码太长。", why="最长 64 个字符。", next_step="请刷新页面后重试。")
    if key.startswith(KEY_PREFIX) and not in_job():
        why = f"“{KEY_PREFIX}”开头的提交码是后台任务用的。"
        raise errors.BadInput(what="这次提交没有执行。", why=why, next_step="请刷新页面后重试；接口请换一个提交码。")
    wanted = input_hash(arguments)
    scope = {"city_code": city_code, "act": act, "actor": _actor_label(actor), "key": key}
    refusal: errors.Refusal | None = None
    with transaction.atomic():
        IdempotencyKey.objects.bulk_create([IdempotencyKey(**scope, input_hash=wanted, at=at)], ignore_conflicts=True)
        row = IdempotencyKey.objects.select_for_update(no_key=True).get(**scope)
        if bytes(row.input_hash) != wanted:
            raise errors.KeyReused(
                what="这次提交没有执行。",
                why="同一个提交码上次用在了别的内容上。",
                next_step="请刷新页面，核对后重新提交。",
            )
        if row.answer is not None:
            yield Slot(row, replayed=True, answer=_thaw(row.answer))
            return
        try:
            with transaction.atomic():
                yield Slot(row)
        except errors.Refusal as caught:
            if not caught.decided:
                raise
            refusal = caught
            IdempotencyKey.objects.filter(city_code=row.city_code, pk=row.pk).update(
                answer={"refusal": errors.name_of(caught), **caught.as_dict()}
            )
    if refusal is not None:
        raise refusal


def was_done(*, city_code: int, actor: Actor, key: str) -> bool:
    """Whether some act of this actor was done under this key, and not refused."""
    kept = IdempotencyKey.objects.filter(
        city_code=city_code, act__in=sorted(ACTS), actor=_actor_label(actor), key=key, answer__isnull=False
    )
    return kept.exclude(answer__has_key="refusal").exists()


def _actor_label(actor: Actor) -> str:
    return f"user:{actor.user_id}" if actor.user_id is not None else f"name:{actor.name}"[:80]


def _freeze(result: Any) -> Any:
    """An act's answer as JSON: rows by their key, dataclasses field by field."""
    if isinstance(result, models.Model):
        return {"model": result._meta.label_lower, "city_code": getattr(result, "city_code", None), "pk": result.pk}
    if isinstance(result, list | tuple):
        return {"list": [_freeze(item) for item in result], "tuple": isinstance(result, tuple)}
    if is_dataclass(result) and not isinstance(result, type):
        kind = type(result)
        parts = {field.name: _freeze(getattr(result, field.name)) for field in fields(result)}
        return {"dataclass": [kind.__module__, kind.__qualname__], "fields": parts}
    if isinstance(result, datetime):
        return {"datetime": result.isoformat()}
    if isinstance(result, date):
        return {"date": result.isoformat()}
    return {"value": result}


def _thaw(answer: Any) -> Any:
    """The answer again; a stored refusal is raised again."""
    if "refusal" in answer:
        raise errors.kind_named(answer["refusal"])(
            answer["what"], answer["why"], answer["next"], fields=answer["fields"]
        )
    if "model" in answer:
        model = apps.get_model(answer["model"])
        scope = {} if answer["city_code"] is None else {"city_code": answer["city_code"]}
        return model._default_manager.get(pk=answer["pk"], **scope)
    if "list" in answer:
        items = [_thaw(item) for item in answer["list"]]
        return tuple(items) if answer.get("tuple") else items
    if "dataclass" in answer:
        module, name = answer["dataclass"]
        kind = getattr(importlib.import_module(module), name)
        return kind(**{field: _thaw(value) for field, value in answer["fields"].items()})
    if "datetime" in answer:
        return datetime.fromisoformat(answer["datetime"])
    if "date" in answer:
        return date.fromisoformat(answer["date"])
    return answer["value"]
