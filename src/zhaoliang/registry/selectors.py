"""Questions to the registry."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from zhaoliang.kernel import crypto
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.errors import NotFound
from zhaoliang.kernel.identifiers.other_documents import DocumentKind, parse_document
from zhaoliang.kernel.identifiers.uscc import parse_uscc
from zhaoliang.kernel.masking import mask_card, mask_id, mask_name, mask_phone
from zhaoliang.kernel.roles import Actor, within
from zhaoliang.registry import perms
from zhaoliang.registry.models import (
    GroupMembership,
    Notice,
    Occupation,
    Organisation,
    PartnerKey,
    Person,
    PersonGrant,
    PersonRegistry,
    PersonStatus,
    Region,
    RegionAlias,
    RoleAssignment,
    Sanction,
    Site,
    User,
)

_STRENGTH = {"register": 0, "document": 1, "declared": 2}


@dataclass(frozen=True)
class MaskedPerson:
    """A person as pages show him: nothing here identifies him to somebody who does not know him already."""

    person_id: int
    name: str
    masked_name: str
    document_label: str
    document_number: str
    phone: str
    card_number: str


def masked(person: Person) -> MaskedPerson:
    """The masked display of a person; `name` is whole, for those who may see the file."""
    return MaskedPerson(
        person_id=person.pk,
        name=person.name,
        masked_name=mask_name(person.name),
        document_label=DocumentKind(person.document_type).label,
        document_number=mask_id(person.document_number),
        phone=mask_phone(person.phone) if person.phone else "",
        card_number=mask_card(person.card_number) if person.card_number else "",
    )


def person_hash(document_type: str, document_number: str) -> bytes:
    """The keyed hash a person is found by (32 bytes), from a number as typed. Raises InvalidIdentifier, ValueError."""
    kind = DocumentKind(document_type)
    number = parse_document(kind, document_number).number
    return crypto.keyed_hash(f"{kind.value}:{number}", purpose="person")


def find_person(*, city_code: int, document_type: str, document_number: str) -> Person | None:
    """The city's file of the holder of this document. Raises InvalidIdentifier."""
    return Person.objects.filter(city_code=city_code, id_hash=person_hash(document_type, document_number)).first()


def people_by_hash(*, city_code: int, hashes: Sequence[bytes]) -> dict[bytes, Person]:
    """The city's files for many hashes in one statement (rosters)."""
    found = Person.objects.filter(city_code=city_code, id_hash__in=list(hashes))
    return {bytes(person.id_hash): person for person in found}


def national_numbers(hashes: Collection[bytes]) -> dict[bytes, int]:
    """The national number of each person that any city has on file, by the keyed hash of the document."""
    found = PersonRegistry.objects.filter(id_hash__in=list(hashes)).values_list("id_hash", "person_id")
    return {bytes(id_hash): person_id for id_hash, person_id in found}


def person(city_code: int, person_id: int) -> Person:
    """A person's file. Raises NotFound."""
    found = Person.objects.select_related("region").filter(city_code=city_code, pk=person_id).first()
    if found is None:
        raise NotFound(what="没有这个人的档案。", why="本市还没有为他建档。", next_step="请核对后重试。")
    return found


def locked_person(person: Person) -> Person:
    """A file as it is now, nobody else changing it until the act ends."""
    return Person.objects.select_for_update(of=("self",), no_key=True).get(city_code=person.city_code, pk=person.pk)


def open_file(*, actor: Actor, at: datetime, city_code: int, person_id: int, why: str) -> Person:
    """A person's file for somebody to read: permission checked, the look recorded (PIPL; one's own looks are not).

    Raises NotFound, Forbidden.
    """
    found = person(city_code, person_id)
    perms.FILE.check(actor, found.access())
    record_look(actor=actor, target=found, at=at, why=why)
    return found


def search_file(
    *, actor: Actor, at: datetime, city_code: int, document_type: str, document_number: str, why: str
) -> Person:
    """A person's file by the exact number, as `open_file`. Raises InvalidIdentifier, NotFound, Forbidden."""
    found = find_person(city_code=city_code, document_type=document_type, document_number=document_number)
    if found is None or not perms.FILE.allows(actor, found.access()):
        # One answer for both, so that the search does not tell who is on file elsewhere.
        raise NotFound(
            what="没有查到这个人。",
            why="本地区没有这个证件号码的档案，或不在您的管辖范围。",
            next_step="请核对证件类型和号码。",
        )
    record_look(actor=actor, target=found, at=at, why=why)
    return found


def _covering(on: date) -> tuple[Q, Q]:
    return Q(valid_from__isnull=True) | Q(valid_from__lte=on), Q(valid_to__isnull=True) | Q(valid_to__gte=on)


def groups_on(person: Person, on: date) -> list[GroupMembership]:
    """The target groups a person belongs to on a day, strongest evidence first, then the latest."""
    rows = GroupMembership.objects.filter(*_covering(on), city_code=person.city_code, person=person)
    return sorted(rows, key=lambda row: (_STRENGTH[row.evidence], -row.valid_from.toordinal(), row.pk))


def group_on(person: Person, group: str, on: date) -> GroupMembership | None:
    """The membership that proves a group on a day, by the strongest evidence; None without one."""
    return next((row for row in groups_on(person, on) if row.group == group), None)


def groups_of_people(*, city_code: int, person_ids: Collection[int], on: date | None = None) -> list[GroupMembership]:
    """The memberships of many people on a day (of all days without one), weakest evidence first: the last is the best."""
    rows = GroupMembership.objects.filter(
        *(_covering(on) if on else ()), city_code=city_code, person_id__in=list(person_ids)
    )
    return weakest_first(rows)


def weakest_first(rows: Iterable[GroupMembership]) -> list[GroupMembership]:
    """Memberships in the order of their evidence, then of the day they began: the last is the best."""
    return sorted(rows, key=lambda row: (-_STRENGTH[row.evidence], row.valid_from, row.pk))


def status_on(person: Person, kind: str, on: date) -> bool | None:
    """Whether a status (pension, establishment, student) holds on a day; None when not known."""
    row = known_statuses(statuses_of_people(city_code=person.city_code, person_ids=[person.pk], on=on), on).get(kind)
    return None if row is None else row.holds


def known_statuses(rows: Iterable[PersonStatus], on: date) -> dict[str, PersonStatus]:
    """What other registers say of one person on a day, by kind: the newest answer. `rows` cover the day, oldest answer first.

    That something holds, without a day since when, says nothing of the days before it was looked up; but an earlier no is no
    longer sure of them: then it is not known. A statement says the same of many lines (`subsidies/sql/line_facts.sql`).
    """
    known: dict[str, PersonStatus] = {}
    for row in rows:
        if not (row.holds and row.valid_from is None and row.checked_on > on):
            known[row.kind] = row
        elif row.kind in known and not known[row.kind].holds:
            del known[row.kind]
    return known


def statuses_of_people(*, city_code: int, person_ids: Collection[int], on: date | None = None) -> list[PersonStatus]:
    """What other registers said of many people about a day (about all days without one), oldest answer first."""
    rows = PersonStatus.objects.filter(
        *(_covering(on) if on else ()), city_code=city_code, person_id__in=list(person_ids)
    )
    return list(rows.order_by("checked_on", "id"))


def sources_by_id(city_code: int, wanted: Mapping[str, Collection[int]]) -> dict[tuple[str, int], str]:
    """The sources that statuses, memberships and grants name, by table and id; a query for each table asked about."""
    asked = {table: list(ids) for table, ids in wanted.items() if ids}
    found: dict[tuple[str, int], str] = {}
    for model in (PersonStatus, GroupMembership):
        table = model._meta.label_lower
        if table in asked:
            rows = model.objects.filter(city_code=city_code, pk__in=asked[table]).values_list("pk", "source")
            found |= {(table, row): source for row, source in rows}
    table = PersonGrant._meta.label_lower
    if table in asked:
        rows = PersonGrant.objects.filter(pk__in=asked[table]).values_list("pk", "source")
        found |= {(table, row): source for row, source in rows}
    return found


def grants_of(person_id: int) -> list[PersonGrant]:
    """What a person was granted anywhere in the country, latest first, with what was given back."""
    return list(PersonGrant.objects.filter(person_id=person_id).order_by("-granted_on", "-id"))


def grants_of_people(person_ids: Collection[int]) -> list[PersonGrant]:
    """What many people were granted anywhere in the country and still have, in one statement, oldest first."""
    rows = PersonGrant.objects.filter(person_id__in=list(person_ids), withdrawn_on__isnull=True)
    return list(rows.order_by("granted_on", "id"))


def organisation(city_code: int, organisation_id: int) -> Organisation:
    """An organisation. Raises NotFound."""
    found = Organisation.objects.select_related("region").filter(city_code=city_code, pk=organisation_id).first()
    if found is None:
        raise NotFound(what="没有这家机构。", why="本市的机构档案里没有它。", next_step="请从机构列表进入。")
    return found


def sanctions_of(organisation: Organisation) -> list[Sanction]:
    """Every sanction against an organisation, latest first."""
    rows = Sanction.objects.filter(city_code=organisation.city_code, organisation=organisation)
    return list(rows.select_related("organisation").order_by("-id"))


def sanction(city_code: int, sanction_id: int) -> Sanction:
    """A sanction with its organisation. Raises NotFound."""
    rows = Sanction.objects.select_related("organisation")
    found = rows.filter(city_code=city_code, pk=sanction_id).first()
    if found is None:
        raise NotFound(what="没有这项处理。", why="本市没有这个编号的处理记录。", next_step="请从机构页进入。")
    return found


def locked_organisation(city_code: int, organisation_id: int) -> Organisation:
    """An organisation, locked for the rest of the act. Raises Organisation.DoesNotExist."""
    return Organisation.objects.select_for_update(of=("self",), no_key=True).get(
        city_code=city_code, pk=organisation_id
    )


def organisation_by_uscc(city_code: int, uscc: str) -> Organisation | None:
    """The city's organisation of this unified social credit code. Raises InvalidIdentifier."""
    return Organisation.objects.filter(city_code=city_code, uscc=parse_uscc(uscc).number).first()


def directory(city_code: int, *, providers: bool = True) -> QuerySet[Organisation]:
    """The public directory of providers (or evaluators) of a city, in dictionary order."""
    mark = {"in_provider_directory": True} if providers else {"in_evaluation_directory": True}
    return (
        Organisation.objects.filter(city_code=city_code, state="listed", **mark)
        .select_related("region")
        .order_by("pinyin_key", "id")
    )


def site(city_code: int, site_id: int) -> Site | None:
    """One teaching site with its organisation and region."""
    return Site.objects.filter(city_code=city_code, pk=site_id).select_related("organisation", "region").first()


def sites_of(organisation: Organisation) -> list[Site]:
    """The teaching sites of an organisation."""
    return list(
        Site.objects.filter(city_code=organisation.city_code, organisation=organisation)
        .select_related("region")
        .order_by("id")
    )


def region(code: int) -> Region:
    """A region by its code, also by one that another region took over. Raises NotFound."""
    found = Region.objects.filter(pk=code).first()
    if found is None:
        alias = RegionAlias.objects.filter(pk=code).first()
        found = Region.objects.filter(pk=alias.new_code).first() if alias else None
    if found is None:
        raise NotFound(
            what=f"没有行政区划代码 {code}。",
            why="民政部公布的区划里没有它，也不是已撤并的旧代码。",
            next_step="请从地区列表里选择。",
        )
    return found


def region_names(codes: Iterable[int]) -> dict[int, str]:
    """The names of regions by their codes."""
    return dict(Region.objects.filter(pk__in=set(codes)).values_list("pk", "name"))


def regions_under(code: int) -> list[Region]:
    """The regions directly below one that exist today, in dictionary order."""
    return list(Region.objects.filter(parent_code=code, valid_to__isnull=True).order_by("pinyin_key", "code"))


def cities() -> list[Region]:
    """The cities on the platform: those with an organisation in a public directory, in dictionary order."""
    listed = Organisation.objects.filter(city_code=OuterRef("code"), state="listed")
    with national():
        return list(Region.objects.filter(Exists(listed), code=F("city_code")).order_by("pinyin_key", "code"))


def search_occupations(text: str, *, limit: int = 20) -> list[Occupation]:
    """Occupations whose code or name begins with or holds the text, exact beginnings first."""
    wanted = text.strip()
    if not wanted:
        return []
    found = Occupation.objects.filter(Q(code__startswith=wanted) | Q(name__icontains=wanted))
    ordered = sorted(found, key=lambda row: (not row.name.startswith(wanted), len(row.name), row.pinyin_key, row.code))
    return ordered[:limit]


def occupation_exists(code: str) -> bool:
    """Whether the classification of occupations has this code."""
    return Occupation.objects.filter(pk=code).exists()


def occupation_names(codes: Collection[str]) -> dict[str, str]:
    """The names of these occupation codes; one that is not in the classification is left out."""
    return dict(Occupation.objects.filter(pk__in=list(codes)).values_list("code", "name"))


def users_of(region_code: int) -> list[RoleAssignment]:
    """The roles held in exactly this region, with their users, for the administrator's list."""
    return list(
        RoleAssignment.objects.filter(region_id=region_code)
        .select_related("user", "region")
        .order_by("user__username", "role")
    )


def user_names(user_ids: Collection[int]) -> dict[int, str]:
    """The names of these accounts' people, by account id; one query."""
    return dict(User.objects.filter(pk__in=list(user_ids)).values_list("pk", "name"))


def people_behind(user_ids: Collection[int]) -> set[int]:
    """The natural persons behind accounts, those that are known."""
    rows = User.objects.filter(pk__in=list(user_ids), person_id__isnull=False)
    return {person_id for person_id in rows.values_list("person_id", flat=True) if person_id is not None}


def organisations_by_code(city_code: int, codes: Collection[str]) -> list[Organisation]:
    """The city's organisations with these credit codes, as stored."""
    return list(Organisation.objects.filter(city_code=city_code, uscc__in=list(codes)).order_by("id"))


def works_for(actor: Actor, organisation: Organisation, day: date) -> bool:
    """Whether the person behind an account has a role at an organisation on a day, with this account or another."""
    same = Q(user_id=actor.user_id)
    if actor.person_id is not None:
        same |= Q(user__person_id=actor.person_id)
    here = {"city_code": organisation.city_code, "organisation_id": organisation.pk}
    held = RoleAssignment.objects.filter(same, **here, valid_from__lte=day)
    return held.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=day)).exists()


def user_of_person(person_id: int) -> User | None:
    """The worker's account of a natural person: the one that signs in without a password."""
    return User.objects.filter(person_id=person_id, username=worker_username(person_id)).first()


def live_partner_key(secret_hash: bytes, at: datetime) -> PartnerKey | None:
    """The partner key of this hash with its account, when neither revoked nor expired and the account is in use."""
    return (
        PartnerKey.objects.select_related("user")
        .filter(key_hash=secret_hash, revoked_at__isnull=True, expires_at__gt=at, user__is_active=True)
        .first()
    )


def worker_username(person_id: int) -> str:
    """The sign-in name of a worker's account; made from the national number, which says nothing of the person."""
    return f"w-{person_id}"


def notices_of(
    *, city_code: int, person: Person | None = None, organisation: Organisation | None = None
) -> QuerySet[Notice]:
    """What a person or an organisation of the city was told, newest first."""
    if organisation is not None:
        return Notice.objects.filter(city_code=city_code, organisation=organisation).order_by("-at", "-id")
    return Notice.objects.filter(city_code=city_code, person=person).order_by("-at", "-id")


def unread_notices(*, city_code: int, person_id: int | None = None, organisation_id: int | None = None) -> int:
    """How many notices of the city a person or an organisation has not read yet."""
    to = {"person_id": person_id} if organisation_id is None else {"organisation_id": organisation_id}
    return Notice.objects.filter(city_code=city_code, read_at__isnull=True, **to).count()


def people_in(city_code: int, region_code: int) -> QuerySet[Person]:
    """The people on file in the city who live in the region or below it."""
    return Person.objects.filter(city_code=city_code, **within("region_id", region_code))


def in_groups(city_code: int, groups: Collection[str], on: date) -> Exists:
    """Whether the person of the outer query belongs to one of the groups on that day, by whatever evidence."""
    rows = GroupMembership.objects.filter(
        city_code=city_code, person=OuterRef("pk"), group__in=groups, valid_from__lte=on
    )
    return Exists(rows.filter(Q(valid_to__isnull=True) | Q(valid_to__gte=on)))


def granted_since(day: date) -> Exists:
    """Whether the person of the outer query was granted any subsidy anywhere since that day."""
    return Exists(PersonGrant.objects.filter(person_id=OuterRef("pk"), granted_on__gte=day, withdrawn_on__isnull=True))
