"""Acts on people: their file in a city, the account subsidies go to, target groups, statuses of other registers."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from typing import ClassVar

from zhaoliang.kernel.acts import act, running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.errors import BadInput, Forbidden, Refusal
from zhaoliang.kernel.identifiers.bank_card import parse_bank_card
from zhaoliang.kernel.identifiers.other_documents import Document, DocumentKind, parse_document
from zhaoliang.kernel.identifiers.phone import parse_mobile
from zhaoliang.kernel.pinyin import pinyin_key
from zhaoliang.kernel.roles import Actor, Place, Reach, Role
from zhaoliang.registry import selectors
from zhaoliang.registry.lawbook import clause_of, lawbook
from zhaoliang.registry.models import GroupMembership, Person, PersonRegistry, PersonStatus
from zhaoliang.registry.services.choices import known_values

_DOTS = str.maketrans("•‧∙⋅・．.", "·······")


class NameMismatch(Refusal):
    """The number is on file under another name."""

    code: ClassVar[str] = "name_mismatch"


def clean_name(name: str) -> str:
    """A name as filed: half-width, one kind of middle dot, no spaces between Chinese characters. Raises BadInput."""
    text = " ".join(unicodedata.normalize("NFKC", name).translate(_DOTS).split())
    if not text.isascii():
        text = text.replace(" ", "")
    if not text or len(text) > 60 or any(character.isdigit() for character in text):
        raise BadInput(
            what="姓名没有填对。",
            why="姓名不能为空、不能有数字，最长 60 个字。",
            next_step="请按证件上的姓名填写。",
            fields={"name": "请按证件上的姓名填写。"},
        )
    return text


@act(
    "registry.register_person",
    label="建立个人档案",
    grants={
        Role.PROVIDER: Reach.ORGANISATION,
        Role.PARTNER: Reach.ORGANISATION,
        Role.REVIEWER: Reach.REGION,
        Role.ADMINISTRATOR: Reach.REGION,
        Role.SYSTEM: Reach.ANY,
    },
    on="place",
)
def register_person(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    name: str,
    document_type: str,
    document_number: str,
    phone: str = "",
    card_number: str = "",
    region_code: int,
    education: str = "",
    birth_date: date | None = None,
    sex: str = "",
) -> Person:
    """The file of a person in `place`'s city, made where there is none; one person has one number nationwide.

    `region_code` is the residence; one outside the city files the person under `place` (residence refuses nobody,
    人社部函〔2021〕14号 七). `birth_date` and `sex` are needed only where the document's number does not tell them. What an
    existing file lacks (phone, card, education) is filled in, never replaced. Raises InvalidIdentifier, BadInput,
    NameMismatch. Callers that register many in one transaction go in order of `selectors.person_hash`, so that two of
    them never wait for each other.
    """
    filed_name = clean_name(name)
    document = parse_document(DocumentKind(document_type), document_number, on=chinese_day(at))
    born = document.birth or birth_date
    if born is None:
        raise birth_needed(document)
    given = {
        "phone": parse_mobile(phone).number if phone else "",
        "card_number": parse_bank_card(card_number).number if card_number else "",
        "education": education,
    }
    residence = selectors.region(region_code)
    id_hash = selectors.person_hash(document_type, document.number)
    person_id = _national_number(id_hash)
    fresh = Person(
        city_code=place.city_code,
        id=person_id,
        id_hash=id_hash,
        name=filed_name,
        pinyin_key=pinyin_key(filed_name),
        document_type=document_type,
        document_number=document.number,
        birth_date=born,
        sex=sex_of(document, sex),
        region_id=residence.code if residence.city_code == place.city_code else place.region_code,
        created_at=at,
        **given,
    )
    Person.objects.bulk_create([fresh], ignore_conflicts=True)
    person = Person.objects.select_for_update(of=("self",), no_key=True).get(city_code=place.city_code, id=person_id)
    if person.name != filed_name:
        raise other_name()
    missing = [field for field, value in given.items() if value and not getattr(person, field)]
    for field in missing:
        setattr(person, field, given[field])
    if missing:
        person.save(update_fields=[*missing, "phone_hash", "account_hash"])
    return person


def other_name() -> NameMismatch:
    """The refusal of a number that is on file under another name."""
    return NameMismatch(
        what="姓名与这个证件号码的实名档案不一致。",
        why="这个号码已经实名登记在另一个姓名下；领取和使用都要求是本人。",
        next_step="请对照证件核对姓名和号码；确有改名的，请本人持证件到人社窗口更正。",
        clause=clause_of(lawbook().citation("cn/peixunquan-2020#a2.2.2")),
        fields={"name": "与这个号码的实名档案不一致。"},
    )


def birth_needed(document: Document) -> BadInput:
    """The refusal of a document whose number does not tell the birthday, without one."""
    return BadInput(
        what="还缺出生日期。",
        why=f"{document.kind.label}的号码里没有出生日期。",
        next_step="请按证件填写出生日期。",
        fields={"birth_date": "请按证件填写出生日期。"},
    )


def _national_number(id_hash: bytes) -> int:
    """The person's number, drawn once: of two callers at once the second waits for the first and reads its row."""
    PersonRegistry.objects.bulk_create([PersonRegistry(id_hash=id_hash)], ignore_conflicts=True)
    return PersonRegistry.objects.get(id_hash=id_hash).person_id


def sex_of(document: Document, given: str) -> str:
    """The sex as filed: what the number tells, else what was given (1 or 2), else 9."""
    if document.sex is not None:
        return str(int(document.sex))
    return given if given in {"1", "2"} else "9"


@act(
    "registry.set_card",
    label="登记社会保障卡银行账号",
    grants={Role.WORKER: Reach.SELF, Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def set_card(*, actor: Actor, at: datetime, person: Person, card_number: str) -> Person:
    """Replace the account that subsidies are paid to. Raises InvalidIdentifier."""
    number = parse_bank_card(card_number).number
    locked = Person.objects.select_for_update(of=("self",), no_key=True).get(city_code=person.city_code, pk=person.pk)
    locked.card_number = number
    locked.save(update_fields=["card_number", "account_hash"])
    return locked


@act(
    "registry.add_group",
    label="认定人员类别",
    grants={Role.WORKER: Reach.SELF, Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def add_group(
    *,
    actor: Actor,
    at: datetime,
    person: Person,
    group: str,
    evidence: str,
    source: str,
    valid_from: date,
    valid_to: date | None = None,
) -> GroupMembership:
    """Record that a person belongs to a target group, with its evidence (register, document, declared).

    The same membership again returns the one there is. A worker can only declare. Raises BadInput, Forbidden.
    """
    if group not in dict(GroupMembership.GROUPS) or evidence not in {"register", "document", "declared"}:
        raise BadInput(what="人员类别没有选对。", next_step="请从列表里选择。", fields={"group": "请从列表里选择。"})
    _check_span(valid_from, valid_to)
    if evidence != "declared" and actor.roles == {Role.WORKER}:
        raise Forbidden(
            what="本人只能用承诺的方式申报人员类别。",
            why="证明材料和数据比对由人社部门认定。",
            next_step="请改用本人承诺，或把证明材料交给人社窗口。",
        )
    # The person's row is the lock: two declarations at once must not become two memberships.
    Person.objects.select_for_update(of=("self",), no_key=True).get(city_code=person.city_code, pk=person.pk)
    membership, _ = GroupMembership.objects.get_or_create(
        city_code=person.city_code,
        person=person,
        group=group,
        evidence=evidence,
        valid_from=valid_from,
        valid_to=valid_to,
        defaults={"source": source, "recorded_at": at},
    )
    return membership


@act(
    "registry.record_status",
    label="登记身份比对结果",
    grants={Role.REVIEWER: Reach.REGION, Role.SYSTEM: Reach.ANY},
    on="person",
)
def record_status(
    *,
    actor: Actor,
    at: datetime,
    person: Person,
    kind: str,
    holds: bool,
    source: str,
    checked_on: date,
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> PersonStatus:
    """Record what another register says of a person (pension, establishment, student). Raises BadInput."""
    if kind not in known_values(PersonStatus, "kind"):
        raise BadInput(what="身份种类没有选对。", next_step="请从列表里选择。", fields={"kind": "请从列表里选择。"})
    _check_span(valid_from, valid_to)
    return PersonStatus.objects.create(
        city_code=person.city_code,
        person=person,
        kind=kind,
        holds=holds,
        source=source,
        checked_on=checked_on,
        valid_from=valid_from,
        valid_to=valid_to,
        recorded_at=at,
    )


def note_identity(person: Person, wrong_on: date | None) -> None:
    """Keep with a person's file since when the identity is found to be wrong, None for no longer; inside the act that finds it."""
    running()
    person.identity_wrong_on = wrong_on
    person.save(update_fields=["identity_wrong_on"])


def _check_span(start: date | None, end: date | None) -> None:
    if start and end and end < start:
        raise BadInput(
            what="起止日期颠倒了。",
            why="结束日期早于开始日期。",
            next_step="请重新填写日期。",
            fields={"valid_to": "不能早于开始日期。"},
        )
