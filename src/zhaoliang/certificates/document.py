"""The certificate as a document: typst sets the page, segno draws the QR code."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import segno
import typst
from django.conf import settings

from zhaoliang.certificates import signing
from zhaoliang.certificates.models import Certificate
from zhaoliang.kernel.errors import Refusal
from zhaoliang.kernel.identifiers.other_documents import DocumentKind

if TYPE_CHECKING:
    from zhaoliang.certificates.selectors import CertificateView

TEMPLATE = Path(__file__).resolve().parent / "templates" / "certificate.typ"
_FONTS = ("NotoSansSC_400Regular.ttf", "NotoSansSC_700Bold.ttf")


class PdfUnavailable(Refusal):
    """The Chinese fonts are missing: the front end was not built on this machine."""

    code: ClassVar[str] = "pdf_unavailable"
    status: ClassVar[int] = 503
    decided: ClassVar[bool] = False


def check_url(certificate: Certificate) -> str:
    """`<public address>/check/?q=<number>#<token>`."""
    return f"{settings.PUBLIC_URL}/check/?q={certificate.number}#{signing.token_of(certificate)}"


def render(certificate: Certificate, view: CertificateView, *, document_type: str, form: str = "pdf") -> bytes:
    """The page as `pdf`, or as `png` (216 dpi: at 144 a reader misses one code in a hundred). Raises PdfUnavailable."""
    data = {
        "title": view.kind_label,
        "name": view.name,
        "document_label": DocumentKind(document_type).label,
        "document": view.document_masked,
        "occupation": view.occupation,
        "level": view.level_label,
        "hours": view.hours,
        "issuer": view.issuer,
        "number": view.number,
        "issued_on": _chinese_date(view.issued_on),
        "trained": f"{_chinese_date(view.trained_from)}至{_chinese_date(view.trained_to)}",
        "evaluated": certificate.kind != "completion",
        "check_at": f"{settings.PUBLIC_URL}/check/",
        "qr": segno.make(check_url(certificate), error="m", boost_error=False).svg_inline(border=0),
    }
    page = _compiler().compile(
        format="pdf" if form == "pdf" else "png",
        ppi=216,
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        timestamp=int(_midnight(certificate)),
    )
    if not isinstance(page, bytes):
        raise RuntimeError("the certificate must fit on one page")
    return page


def _midnight(certificate: Certificate) -> float:
    # The document's own date is the day of issue, so that the same certificate is the same file every time.
    return datetime.combine(certificate.issued_on, time(), tzinfo=UTC).timestamp()


def _chinese_date(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


@cache
def _compiler() -> typst.Compiler:
    fonts = Path(settings.PACKAGE) / "web" / "static" / "dist" / "fonts"
    if not all((fonts / name).is_file() for name in _FONTS):
        raise PdfUnavailable(
            what="现在不能生成 PDF 证书。",
            why="这台服务器还没有安装中文字体。",
            next_step="请系统管理员运行 make frontend 后重试；证书本身有效，可以联网查验。",
        )
    return typst.Compiler(input=str(TEMPLATE), font_paths=[str(fonts)], ignore_system_fonts=True)
