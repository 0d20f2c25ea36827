"""Bringing in past grants of 以工代训: a file is read and shown, then taken whole or not at all."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import asdict
from datetime import date, datetime

from zhaoliang.kernel.acts import act
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry.lawbook import policies_for
from zhaoliang.registry.selectors import people_by_hash, person_hash
from zhaoliang.registry.services import register_person
from zhaoliang.registry.services.grants import record_grant
from zhaoliang.worktraining.excel import MONTH, NAME, Fault, Past, PastFile, read_past
from zhaoliang.worktraining.models import WorkTrainingGrant, WorkTrainingImport
from zhaoliang.worktraining.selectors import held_months

SCHEME, PERIOD = "work_training", "work_training_period"
RESIDENT = "resident_id"
MOST_FAULTS = 200
_GRANTS = {Role.REVIEWER: Reach.REGION}


@act("work_training.read", label="读取以工代训历史文件", grants=_GRANTS, on="place")
def read_file(*, actor: Actor, at: datetime, place: Place, file_name: str, content: bytes) -> WorkTrainingImport:
    """Read a file and keep what was found in it, to be looked at before it is taken; nothing is brought in yet.

    Raises BadInput for what is no such file, Refusal for a file that was taken before.
    """
    sha256 = hashlib.sha256(content).hexdigest()
    _require_new(place.city_code, sha256)
    found = _checked(place.city_code, place.region_code, content, at)
    return WorkTrainingImport.objects.create(
        city_code=place.city_code,
        region_code=place.region_code,
        file_name=file_name.strip()[-200:],
        sha256=sha256,
        content=base64.b64encode(content).decode() if not found.faults else None,
        rows=len({one.row for one in found.grants} | {one.row for one in found.faults}),
        people=len({one.number for one in found.grants}),
        total_fen=sum(one.amount_fen for one in found.grants),
        findings=[asdict(one) for one in found.faults[:MOST_FAULTS]],
        read_at=at,
        read_by_name=actor.name,
    )


@act("work_training.take", label="导入以工代训历史", grants=_GRANTS, on="past_import")
def take_file(*, actor: Actor, at: datetime, past_import: WorkTrainingImport) -> WorkTrainingImport:
    """Bring in every row of a file that was read, or none: the person's file, the grant, the national register.

    Raises Refusal for a file with faults, one taken before, and one that has become faulty since (a double elsewhere).
    """
    rows = WorkTrainingImport.objects.select_for_update(no_key=True)
    kept = rows.get(city_code=past_import.city_code, pk=past_import.pk)
    _require_new(kept.city_code, kept.sha256)
    content = base64.b64decode(kept.content or "")
    found = _checked(kept.city_code, kept.region_code, content, at) if kept.content else PastFile()
    if found.faults or not found.grants:
        why = f"第 {found.faults[0].row} 行：{found.faults[0].reason}" if found.faults else "这个文件有问题要先改。"
        raise Refusal("没有导入，一行也没有写入。", why, "请按列出的问题改好文件，再上传一次。")
    place = Place(kept.city_code, kept.region_code)
    # In the order of people, so that two imports never wait for each other.
    ordered = sorted(found.grants, key=lambda one: (person_hash(RESIDENT, one.number), one.first_month))
    for one in ordered:
        _enter(kept, place, one, actor, at)
    kept.taken_at, kept.taken_by_name, kept.content = at, actor.name, None
    kept.save(update_fields=["taken_at", "taken_by_name", "content"])
    return kept


def _enter(kept: WorkTrainingImport, place: Place, one: Past, actor: Actor, at: datetime) -> None:
    person = register_person(
        actor=actor,
        at=at,
        place=place,
        name=one.name,
        document_type=RESIDENT,
        document_number=one.number,
        region_code=place.region_code,
    )
    grant = record_grant(
        person_id=person.pk,
        scheme=SCHEME,
        occupation_code="",
        level=0,
        city_code=kept.city_code,
        claim_line_id=None,
        certificate_number="",
        fund_source=one.fund_source,
        granted_on=one.granted_on,
        source=f"以工代训历史导入 {kept.pk} 第 {one.row} 行",
    )
    WorkTrainingGrant.objects.create(
        city_code=kept.city_code,
        source=kept,
        row=one.row,
        person=person,
        employer_name=one.employer,
        employer_uscc=one.uscc,
        first_month=one.first_month,
        months=one.months,
        amount_fen=one.amount_fen,
        granted_on=one.granted_on,
        fund_source=one.fund_source,
        grant_id=grant.pk,
    )


def _require_new(city_code: int, sha256: str) -> None:
    taken = WorkTrainingImport.objects.filter(city_code=city_code, sha256=sha256, taken_at__isnull=False).first()
    if taken is not None:
        raise Refusal(
            "没有重复导入。",
            f"同样的文件已由{taken.taken_by_name}导入过（编号 {taken.pk}）。",
            "请核对是不是选错了文件。",
        )


def _checked(city_code: int, region_code: int, content: bytes, at: datetime) -> PastFile:
    """The file as read, with what speaks against its rows: months beyond the policy, doubles in it and on file, other names."""
    today = chinese_day(at)
    found = read_past(content, on=today)
    policies = policies_for(region_code, on=today, scheme=SCHEME)
    hashes = {one.row: person_hash(RESIDENT, one.number) for one in found.grants}
    people = people_by_hash(city_code=city_code, hashes=sorted(set(hashes.values())))
    held = held_months(city_code, [person.pk for person in people.values()])
    seen: dict[tuple[str, str], list[Past]] = {}
    for one in found.grants:
        made = policies.decide({"work_training_month": one.last_month, "wage_paid_verified": True}, phase="claim")
        found.faults += [
            Fault(one.row, MONTH, f"{result.says}（{result.citation}）。")
            for result in made.refusals
            if result.rule_id == PERIOD
        ]
        before = seen.setdefault((one.number, one.uscc), [])
        if double := next((other for other in before if _overlap(one, other.first_month, other.months)), None):
            found.faults.append(Fault(one.row, MONTH, f"与第 {double.row} 行是同一人、同一企业，月份重复。"))
        before.append(one)
        person = people.get(hashes[one.row])
        if person is None:
            continue
        if person.name != one.name:
            found.faults.append(Fault(one.row, NAME, "姓名与这个号码的实名档案不一致。"))
        filed = held.get((person.pk, one.uscc), [])
        if any(_overlap(one, other.first_month, other.months) for other in filed):
            found.faults.append(Fault(one.row, MONTH, "这个人在同一企业的这些月份已经导入过。"))
    found.faults.sort(key=lambda fault: fault.row)
    return found


def _overlap(one: Past, first: date, months: int) -> bool:
    begin, other = (day.year * 12 + day.month for day in (one.first_month, first))
    return begin < other + months and other < begin + one.months
