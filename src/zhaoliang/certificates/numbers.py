"""Numbers of certificates: gap-free and unique, because the series row is locked last and given out with the effect.

A number goes out only together with its certificate: when the transaction fails the series falls back with it.
"""

from __future__ import annotations

import re

from django.db import IntegrityError, transaction
from django.db.models import Max

from zhaoliang.catalogue.models import CertificateKind
from zhaoliang.certificates.models import Certificate, NumberSeries
from zhaoliang.evaluation.models import Exam
from zhaoliang.kernel import crypto
from zhaoliang.kernel.identifiers import InvalidIdentifier, normalise
from zhaoliang.kernel.identifiers.certificates import (
    build_skill_certificate,
    build_training_certificate,
    parse_qualification_certificate,
    parse_special_operation,
    parse_training_certificate,
)
from zhaoliang.kernel.levels import SkillLevel
from zhaoliang.registry.models import Organisation, Person

# Domain facts §1.4: no national rule could be verified, so only the form of a number is asked for.
_SPECIAL_ABILITY = re.compile(r"[A-Z0-9()]{8,40}")
_TRAINING_LEVEL = "0"


def skill_numbers(*, issuer: Organisation, year: int, level: SkillLevel, count: int) -> list[str]:
    """The next `count` 22-character numbers of an issuer, year and level (domain facts §1.1). Raises InvalidIdentifier."""
    # A wrong prefix or level must be found before the series is locked.
    build_skill_certificate(issuer.evaluator_prefix, year=year, level=level, sequence=1)
    key = _key(issuer, CertificateKind.SKILL_LEVEL, year, level.certificate_code or "")
    NumberSeries.objects.bulk_create([NumberSeries(**key)], ignore_conflicts=True)
    series = _locked(key)
    first = series.last + 1
    series.last += count
    series.save(update_fields=["last"])
    return [
        build_skill_certificate(issuer.evaluator_prefix, year=year, level=level, sequence=first + step).number
        for step in range(count)
    ]


def training_numbers(*, exam: Exam, issuer: Organisation, year: int, count: int) -> list[str]:
    """The next `count` PX numbers of a class: provider of the region and year, class of the provider, trainee (§1.4)."""
    key = _key(issuer, CertificateKind.COMPLETION, year, _TRAINING_LEVEL)
    if not NumberSeries.objects.filter(**key).exists():
        _open_training_series(key, issuer.region.code)
    series = _locked(key)
    region_code, provider = series.region_code, series.issuer_number
    if region_code is None or provider is None:
        raise RuntimeError("a series of completion certificates has its region and provider from the start")
    prefix = f"PX{region_code:06d}{year:04d}{provider:04d}"
    taken = [
        parse_training_certificate(number)
        for number in Certificate.objects.filter(
            city_code=exam.city_code, result__exam=exam, number__startswith=prefix
        ).values_list("number", flat=True)
    ]
    if taken:
        class_no, first = taken[0].class_no, max(number.trainee for number in taken) + 1
    else:
        series.last += 1
        series.save(update_fields=["last"])
        class_no, first = series.last, 1
    return [
        build_training_certificate(
            region_code=region_code, year=year, provider=provider, class_no=class_no, trainee=first + step
        ).number
        for step in range(count)
    ]


def entered_number(kind: CertificateKind, text: str, *, person: Person, occupation_code: str) -> str:
    """The register's form of a number another authority gave out. Raises InvalidIdentifier when it cannot be one.

    A special-operation number is T and the holder's identity number, so it is checked against the holder and kept as a
    keyed register number instead (TZ…).
    """
    if kind == CertificateKind.QUALIFICATION:
        return parse_qualification_certificate(text).number
    if kind == CertificateKind.SPECIAL_OPERATION:
        number = parse_special_operation(text)
        if number[1:] != person.document_number:
            raise InvalidIdentifier(
                "特种作业操作证编号不正确", "编号中的身份证号码不是这名学员的。", "请核对证书属于谁。"
            )
        return "TZ" + crypto.keyed_hash(f"{number}|{occupation_code}", purpose="special_operation").hex()[:20].upper()
    number = normalise(text, drop="-")
    if not _SPECIAL_ABILITY.fullmatch(number):
        raise InvalidIdentifier("专项职业能力证书编号不正确", "应为 8 至 40 位字母和数字。", "请对照证书原件重新填写。")
    return number


def _key(issuer: Organisation, kind: CertificateKind, year: int, level_code: str) -> dict[str, object]:
    return {
        "city_code": issuer.city_code,
        "issuer": issuer,
        "kind": str(kind),
        "year": year,
        "level_code": level_code,
    }


def _locked(key: dict[str, object]) -> NumberSeries:
    return NumberSeries.objects.select_for_update(of=("self",), no_key=True).get(**key)


def _open_training_series(key: dict[str, object], region_code: int) -> None:
    """Give the provider its number within region and year. Two providers at once: the later one takes the next."""
    while True:
        in_region = NumberSeries.objects.filter(city_code=key["city_code"], region_code=region_code, year=key["year"])
        highest = in_region.aggregate(highest=Max("issuer_number"))["highest"] or 0
        try:
            with transaction.atomic():
                NumberSeries.objects.create(**key, region_code=region_code, issuer_number=highest + 1)
            return
        except IntegrityError:
            if NumberSeries.objects.filter(**key).exists():
                return
