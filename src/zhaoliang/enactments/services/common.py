"""What the acts on drafts share: who may, the locked row, saving a revision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from zhaoliang.enactments.checking import text_days
from zhaoliang.enactments.models import PolicyDraft, PolicyRevision
from zhaoliang.enactments.states import DRAFT, EDITABLE
from zhaoliang.kernel.errors import BadInput, Refusal, WrongState
from zhaoliang.kernel.roles import Actor, Reach, Role

DRAFTERS = {Role.ADMINISTRATOR: Reach.REGION}
APPROVERS = {Role.APPROVER: Reach.REGION}
MOST_CHARACTERS = 1_000_000


class Outdated(WrongState):
    """Somebody saved another revision in between."""

    code = "outdated"


def locked(draft: PolicyDraft) -> PolicyDraft:
    """The draft's row, locked until the act ends."""
    return PolicyDraft.objects.select_for_update(of=("self",), no_key=True).get(city_code=draft.city_code, pk=draft.pk)


def editable(draft: PolicyDraft, revision: int) -> PolicyDraft:
    """The locked draft, if it can be changed and nobody saved since `revision`. Raises WrongState, Outdated."""
    held = locked(draft)
    if held.state not in EDITABLE:
        raise DRAFT.refusal(held.state, "edit")
    if held.revision != revision:
        raise Outdated(
            what="没有保存：这份文本刚刚被改过。",
            why=f"您看到的是第 {revision} 稿，现在是第 {held.revision} 稿。",
            next_step="请打开新的一稿，把您的改动再做一次；您提交的内容没有覆盖别人的。",
        )
    return held


def save_revision(
    draft: PolicyDraft, content: str, tables: dict[str, str], note: str, actor: Actor, at: datetime
) -> bool:
    """Keep a changed text as the next revision; whatever was found for the last one no longer counts.

    Returns whether anything changed. Raises BadInput for a text that cannot be stored.
    """
    content = content.replace("\r\n", "\n").replace("\r", "\n")
    if not content.strip():
        raise BadInput("没有保存。", "全文是空的。", "请粘贴完整的文本。", fields={"content": "全文是空的。"})
    if "\x00" in content or len(content) > MOST_CHARACTERS:
        raise BadInput(
            "没有保存。", "全文太长，或含有不能保存的字符。", "请核对粘贴的内容。", fields={"content": "不能保存。"}
        )
    if (content, tables) == (draft.content, draft.tables):
        return False
    start, _ = text_days(content)
    changes: dict[str, Any] = {
        "content": content,
        "tables": tables,
        "revision": draft.revision + 1,
        "valid_from": start or draft.valid_from,
        "checked": {},
        "simulated": {},
    }
    if draft.state == "draft":
        for name, value in changes.items():
            setattr(draft, name, value)
        draft.save(update_fields=list(changes))
    else:
        DRAFT.fire(draft, "edit", **changes)
    add_revision(draft, note, actor, at)
    return True


def add_revision(draft: PolicyDraft, note: str, actor: Actor, at: datetime) -> None:
    """Write down the draft as it stands."""
    PolicyRevision.objects.create(
        city_code=draft.city_code,
        draft=draft,
        number=draft.revision,
        content=draft.content,
        tables=draft.tables,
        note=note[:200],
        by_user=actor.user_id,
        by_person=actor.person_id,
        by_name=actor.name,
        at=at,
    )


def unchanged() -> Refusal:
    """For a save that changes nothing."""
    return Refusal("没有新的一稿。", "提交的内容和现在的一样。", "请修改后再保存。")


def reason_given(reason: str, what: str) -> str:
    """A reason in words. Raises BadInput without one."""
    if not reason.strip():
        raise BadInput(what, "没有写明原因。", "请写明原因，对方据此修改。", fields={"reason": "请写明原因。"})
    return reason.strip()
