"""Handing in what a claim asks for: files with their hash, and contracts, which become job records."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date, datetime

from zhaoliang.employment.services import note_job
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Reach, Role
from zhaoliang.registry.lawbook import clause_of
from zhaoliang.subsidies.materials import LABELS, asks_for, direct_decision, materials
from zhaoliang.subsidies.models import Claim, ClaimLine, Evidence
from zhaoliang.subsidies.services.checks import check_lines
from zhaoliang.subsidies.services.locking import locked_claim, locked_lines
from zhaoliang.subsidies.services.mass import is_large

MOST_BYTES = 8 * 1024 * 1024
FORMS = (".pdf", ".jpg", ".jpeg", ".png", ".xlsx", ".docx", ".zip", ".mp4")
OPEN = ("assembled", "returned")


@act("subsidies.add_evidence", label="补交申领材料", grants={Role.PROVIDER: Reach.ORGANISATION}, on="claim")
def add_evidence(*, actor: Actor, at: datetime, claim: Claim, kind: str, file_name: str, content: bytes) -> Evidence:
    """Hand in a file the claim asks for; the rules run once more. The same file again changes nothing.

    Over a large claim they run in the background (`tasks.recheck_many`), and once more when it is confirmed. Raises Refusal
    when the claim does not ask for it or is with the bureau; BadInput for what is no such file.
    """
    claim = _open(claim)
    large = is_large(claim)
    lines = [] if large else locked_lines(claim)
    if not asks_for(claim, _waiting(claim) if large else lines, kind):
        raise _not_asked(kind)
    made = _keep(claim, None, kind, file_name, content, actor, at)
    if not large:
        check_lines(claim, lines, at)
    return made


@act("subsidies.add_contract", label="补交劳动合同", grants={Role.PROVIDER: Reach.ORGANISATION}, on="line")
def add_contract(
    *,
    actor: Actor,
    at: datetime,
    line: ClaimLine,
    from_on: date,
    until: date | None,
    file_name: str,
    content: bytes,
) -> Evidence:
    """Hand in the labour contract of a trainee: first and last day (none: without fixed term) become a job record.

    The rules run once more, over a large claim for this line alone. Raises Refusal when the line does not ask for it, BadInput.
    """
    claim = _open(line.claim)
    lines = locked_lines(claim, [line.pk] if is_large(claim) else None)
    if ("contract", line.pk) not in {(one.kind, one.line_id) for one in materials(claim, lines)}:
        raise _not_asked("contract")
    held = next(one for one in lines if one.pk == line.pk)
    made = _keep(claim, held, "contract", file_name, content, actor, at)
    employer = held.enrolment.employer_name if held.enrolment is not None else ""
    uscc = held.enrolment.employer_uscc if held.enrolment is not None else ""
    note_job(
        person=held.person,
        employer_name=employer or claim.applicant,
        employer_uscc=uscc,
        from_on=from_on,
        contract_until=until,
        open_ended=until is None,
        proof="contract",
        evidence_sha256=made.sha256,
        at=at,
    )
    check_lines(claim, lines, at)
    return made


def require_materials(claim: Claim) -> None:
    """Raises Refusal with the clause when an enterprise's claim lacks what 直补 asks for."""
    if claim.kind != "enterprise_direct":
        return
    given = set(Evidence.objects.filter(city_code=claim.city_code, claim=claim).values_list("kind", flat=True))
    refusals = direct_decision(claim, given).refusals
    if refusals:
        raise Refusal(
            what="没有提交申领。",
            why=f"{refusals[0].says}。",
            next_step=refusals[0].remedy,
            clause=clause_of(refusals[0].citation),
        )


def _open(claim: Claim) -> Claim:
    claim = locked_claim(claim)
    if claim.state not in OPEN:
        raise Refusal(
            what="没有补交材料。",
            why="申领已经提交，材料不再变动。",
            next_step="如果还要补充，请等人社部门退回，或联系经办人。",
        )
    return claim


def _waiting(claim: Claim) -> Iterator[ClaimLine]:
    """The lines that may still ask for something, some at a time."""
    rows = ClaimLine.objects.filter(city_code=claim.city_code, claim=claim, state__in=("due", "to_person"))
    ids = list(rows.order_by("id").values_list("id", flat=True))
    for start in range(0, len(ids), 1_000):
        yield from rows.select_related("decision").filter(pk__any_of=ids[start : start + 1_000]).order_by("id")


def _not_asked(kind: str) -> Refusal:
    return Refusal(
        what="没有补交材料。",
        why=f"这份申领没有要求{LABELS.get(kind, '这份材料')}；平台已有的信息不用再交。",
        next_step="请按页面上列出的材料补交。",
    )


def _keep(
    claim: Claim, line: ClaimLine | None, kind: str, file_name: str, content: bytes, actor: Actor, at: datetime
) -> Evidence:
    name = usable_name(file_name, content, "没有补交材料。")
    made, _ = Evidence.objects.get_or_create(
        city_code=claim.city_code,
        claim=claim,
        line=line,
        kind=kind,
        sha256=hashlib.sha256(content).hexdigest(),
        defaults={
            "file_name": name,
            "size": len(content),
            "content": base64.b64encode(content).decode(),
            "at": at,
            "actor_name": actor.name,
        },
    )
    return made


def usable_name(file_name: str, content: bytes, what: str) -> str:
    """The name to keep a file under. Raises BadInput for what is empty, too big or of no form that an officer can open."""
    name = file_name.strip()[-200:]
    if not content or len(content) > MOST_BYTES or not name.lower().endswith(FORMS):
        said = "请选择 8 MB 以内的 PDF、图片、Excel、Word、压缩包或 MP4 文件。"
        raise BadInput(what=what, why="文件不能用。", next_step=said, fields={"file": said})
    return name
