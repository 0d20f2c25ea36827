"""Rows that an act decides on, locked in one order: the claim first, then its lines by id."""

from __future__ import annotations

from collections.abc import Sequence

from zhaoliang.kernel.errors import BadInput
from zhaoliang.subsidies.models import LINE_PARTS, Claim, ClaimLine


def locked_claim(claim: Claim) -> Claim:
    """The claim as it is now, nobody else changing it until the act ends."""
    return (
        Claim.objects.select_for_update(of=("self",), no_key=True)
        .select_related("training_class__project", "training_class__site", "provider")
        .get(city_code=claim.city_code, pk=claim.pk)
    )


def locked_lines(claim: Claim, ids: Sequence[int] | None = None) -> list[ClaimLine]:
    """Lines of a locked claim (all, by default) with what deciding them needs."""
    # Applications of people rest on classes of their own.
    parts = LINE_PARTS if claim.training_class_id else (*LINE_PARTS, "enrolment__training_class__project")
    rows = (
        ClaimLine.objects.select_for_update(of=("self",), no_key=True)
        .select_related(*parts)
        .filter(city_code=claim.city_code, claim=claim)
    )
    return list((rows if ids is None else rows.filter(pk__any_of=ids)).order_by("id"))


def locked_line(line: ClaimLine) -> ClaimLine:
    """One line as it is now, its claim locked before it."""
    locked_claim(line.claim)
    return (
        ClaimLine.objects.select_for_update(of=("self",), no_key=True)
        .select_related(*LINE_PARTS)
        .get(city_code=line.city_code, pk=line.pk)
    )


def reason_given(text: str, field: str, what: str) -> str:
    """The reason, trimmed. Raises BadInput when it says nothing: decisions about people need one."""
    plain = text.strip()
    if len(plain) < 4 or len(plain) > 500:
        raise BadInput(
            what=what,
            why="这里要写明理由（4 到 500 个字），机构和学员会看到。",
            next_step="请补写理由后再提交。",
            fields={field: "请写明理由，4 到 500 个字。"},
        )
    return plain
