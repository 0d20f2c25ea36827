"""Putting a policy text into the library."""

from __future__ import annotations

import hashlib
import json
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Max

from zhaoliang.kernel.acts import require_other_person, running
from zhaoliang.kernel.days import format_cn_date
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Actor
from zhaoliang.registry.lawbook import earliest_effect, forget
from zhaoliang.registry.models import PolicyText

# One text at a time enters the library, so that each is checked against all others. Any fixed number does.
_LIBRARY_LOCK = 20_270_101


def lock_library() -> None:
    """Wait until nobody else is putting a text into the library; held to the end of the act (plain; inside an act)."""
    running()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LIBRARY_LOCK])


def enact_text(
    *,
    path: str,
    document_id: str,
    region_code: int,
    valid_from: date,
    content: str,
    tables: dict[str, str],
    drafted_by: Actor,
    approved_by: Actor,
    at: datetime,
) -> PolicyText:
    """Add a text to the library for ever (plain; inside an act that checked it).

    Raises SamePerson, and Refusal for a first day that is too near or for a path whose text already binds.
    """
    running()
    require_other_person(
        approved_by, person_id=drafted_by.person_id, user_id=drafted_by.user_id, step="起草这份政策文本"
    )
    first = earliest_effect(at)
    if valid_from < first:
        raise Refusal(
            what="没有批准。",
            why=f"生效日{format_cn_date(valid_from)}太近：批准以后最早从{format_cn_date(first)}起生效，已经开班的不受影响。",
            next_step="请退回起草人，改晚生效日后重新检查、试算。",
        )
    number = PolicyText.objects.filter(path=path).aggregate(last=Max("number"))["last"] or 0
    digest = hashlib.sha256(content.encode())
    digest.update(json.dumps(tables, ensure_ascii=False, sort_keys=True).encode())
    made = PolicyText.objects.create(
        path=path,
        number=number + 1,
        document_id=document_id,
        region_id=region_code,
        valid_from=valid_from,
        content=content,
        tables=tables,
        sha256=digest.hexdigest(),
        drafted_by_user=drafted_by.user_id,
        drafted_by_person=drafted_by.person_id,
        drafted_by_name=drafted_by.name,
        approved_by_user=approved_by.user_id,
        approved_by_person=approved_by.person_id,
        approved_by_name=approved_by.name,
        decided_at=at,
    )
    transaction.on_commit(forget)
    return made
