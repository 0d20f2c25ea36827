"""The files of many people at once: what `register_person` does for one, in a few statements for a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from zhaoliang.kernel import audit
from zhaoliang.kernel.acts import running
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.identifiers.other_documents import DocumentKind, parse_document
from zhaoliang.kernel.pinyin import pinyin_key
from zhaoliang.kernel.roles import Actor, Place
from zhaoliang.registry import selectors
from zhaoliang.registry.models import Person, PersonRegistry
from zhaoliang.registry.services.people import birth_needed, clean_name, other_name, sex_of

_AT_ONCE = 1000


@dataclass(frozen=True)
class Newcomer:
    """Somebody to be filed: name and document as on the document, its number telling the birthday; `phone` a mobile's digits."""

    name: str
    document_type: str
    document_number: str
    phone: str = ""


def register_people(newcomers: Sequence[Newcomer], *, actor: Actor, at: datetime, place: Place) -> dict[bytes, Person]:
    """File those whom the place's city does not know, as living in its region; all of them by the hash of their document.

    Inside an act, and each new file with an audit event of its own. Raises InvalidIdentifier, BadInput, NameMismatch; then nobody
    is filed. RuntimeError outside an act.
    """
    running()
    named = {selectors.person_hash(one.document_type, one.document_number): one for one in newcomers}
    # In the order of the hashes, so that two lists at once never wait for each other.
    hashes = sorted(named)
    PersonRegistry.objects.bulk_create(
        [PersonRegistry(id_hash=one) for one in hashes], ignore_conflicts=True, batch_size=_AT_ONCE
    )
    numbers = selectors.national_numbers(hashes)
    known = selectors.people_by_hash(city_code=place.city_code, hashes=hashes)
    fresh = [_file(named[one], one, numbers[one], at, place) for one in hashes if one not in known]
    Person.objects.bulk_create(fresh, ignore_conflicts=True, batch_size=_AT_ONCE)
    # Somebody else may have filed one of them in this very moment: his file is the one.
    filed = selectors.people_by_hash(city_code=place.city_code, hashes=hashes)
    for hash_, person in filed.items():
        if person.name != clean_name(named[hash_].name):
            raise other_name()
    made = [person for hash_, person in filed.items() if hash_ not in known and person.created_at == at]
    audit.append_all(access=place.access(), act="registry.register_person", actor=actor, at=at, targets=made)
    return filed


def _file(one: Newcomer, id_hash: bytes, number: int, at: datetime, place: Place) -> Person:
    document = parse_document(DocumentKind(one.document_type), one.document_number, on=chinese_day(at))
    if document.birth is None:
        raise birth_needed(document)
    name = clean_name(one.name)
    return Person(
        city_code=place.city_code,
        id=number,
        id_hash=id_hash,
        name=name,
        pinyin_key=pinyin_key(name),
        document_type=one.document_type,
        document_number=document.number,
        birth_date=document.birth,
        sex=sex_of(document, ""),
        region_id=place.region_code,
        phone=one.phone,
        created_at=at,
    )
