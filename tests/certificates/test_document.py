"""The PDF as other programs read it: its text by pypdf, its QR code by zxing from the rendered page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pypdf
import pytest
import zxingcpp
from PIL import Image

from factories import certificates, evaluation, registry
from factories.evaluation import AFTER
from zhaoliang.certificates import document, selectors, services, signing
from zhaoliang.certificates.selectors import Outcome, check_offline, check_token
from zhaoliang.kernel.errors import WrongState
from zhaoliang.kernel.roles import Role

pytestmark = [pytest.mark.django_db, pytest.mark.mission("E4", "E5")]


def test_the_page_says_what_the_register_holds() -> None:
    certificate = certificates.certificate()
    reader = pypdf.PdfReader(io.BytesIO(selectors.pdf(certificate)))
    assert len(reader.pages) == 1
    page = reader.pages[0]
    assert float(page.mediabox.width) > float(page.mediabox.height)
    text = "".join(page.extract_text().split())
    for wanted in (
        "职业技能等级证书",
        certificate.number,
        certificate.name,
        certificate.document_masked,
        "居民身份证",
        certificate.occupation.name,
        "高级工（三级）",
        "80课时",
        certificate.issuer.name,
        "2026年3月25日",
    ):
        assert "".join(wanted.split()) in text
    assert certificate.person.document_number not in text


def test_a_scanner_reads_the_code_and_it_holds_offline() -> None:
    certificate = certificates.certificate()
    content = signing.decode(bytes(certificate.payload))
    png = document.render(certificate, selectors.view_of(content), document_type="resident_id", form="png")
    codes = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert [code.text for code in codes] == [document.check_url(certificate)]
    address, token = codes[0].text.split("#")
    assert address.endswith(f"/check/?q={certificate.number}")
    assert certificate.name not in address
    offline = check_offline(token)
    assert offline.outcome == Outcome.VALID
    assert offline.content is not None
    assert offline.content.name == certificate.name
    assert check_token(token).outcome == Outcome.VALID


def test_the_longest_names_stay_on_one_page() -> None:
    provider = registry.organisation(name="测试" * 28 + "有限责任公司")
    person = evaluation.someone(name="阿卜杜·" + "测" * 40)
    made = evaluation.taught(provider=provider, people=[person], own_exam=True)
    certificate = certificates.certificate(made)
    reader = pypdf.PdfReader(io.BytesIO(selectors.pdf(certificate)))
    assert len(reader.pages) == 1
    assert "培训合格证书" in "".join(reader.pages[0].extract_text().split())


def test_the_same_certificate_is_the_same_file() -> None:
    certificate = certificates.certificate()
    assert selectors.pdf(certificate) == selectors.pdf(certificate)


def test_a_suspended_certificate_is_not_handed_out() -> None:
    certificate = services.suspend_certificate(
        actor=registry.actor_with(Role.REVIEWER, person=evaluation.someone()),
        at=AFTER,
        certificate=certificates.certificate(),
        reason="核实中",
    )
    with pytest.raises(WrongState, match="暂停"):
        selectors.pdf(certificate)


def test_without_fonts_the_refusal_says_what_to_do(settings: Any, tmp_path: Path) -> None:
    settings.PACKAGE = tmp_path
    document._compiler.cache_clear()
    with pytest.raises(document.PdfUnavailable, match="make frontend"):
        selectors.pdf(certificates.certificate())
    document._compiler.cache_clear()
