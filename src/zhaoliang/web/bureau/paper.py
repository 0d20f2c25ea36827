"""The voucher on paper, for who has no phone: what it is good for, its code to type, and a QR code signed for its whole life."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import segno
import typst
from django.conf import settings

from zhaoliang.certificates.document import PdfUnavailable
from zhaoliang.kernel.days import format_cn_date, format_cn_time
from zhaoliang.kernel.identifiers.voucher_code import CODE_LENGTH
from zhaoliang.kernel.masking import mask_id
from zhaoliang.vouchers.models import Voucher
from zhaoliang.vouchers.selectors import paper_token, usable_projects

TEMPLATE = Path(__file__).resolve().parent / "typst" / "voucher.typ"
PLACES_SHOWN = 12


def render(voucher: Voucher) -> bytes:
    """The page as PDF (A5). Raises PdfUnavailable where the Chinese fonts are missing."""
    batch, person = voucher.batch, voucher.person
    usable = list(usable_projects(batch)[: PLACES_SHOWN + 1])
    data = {
        "name": batch.name,
        "kind": batch.get_kind_display(),
        "worth": batch.worth,
        "holder": person.name,
        "document": mask_id(person.document_number),
        "code": " ".join(voucher.code[at : at + 4] for at in range(0, CODE_LENGTH, 4)),
        "until": format_cn_time(batch.use_until),
        "claimed": format_cn_date(voucher.claimed_at.date()),
        "scope": batch.scope_text,
        "places": [f"{one.name}（{one.provider.name}）" for one in usable[:PLACES_SHOWN]],
        "more": len(usable) > PLACES_SHOWN,
        "check_at": f"{settings.PUBLIC_URL}/check/",
        "qr": segno.make(paper_token(voucher), error="m", boost_error=False).svg_inline(border=0),
    }
    page = _compiler().compile(format="pdf", sys_inputs={"data": json.dumps(data, ensure_ascii=False)})
    if not isinstance(page, bytes):
        raise RuntimeError("the paper voucher must fit on one page")
    return page


@cache
def _compiler() -> typst.Compiler:
    fonts = Path(settings.PACKAGE) / "web" / "static" / "dist" / "fonts"
    if not fonts.is_dir():
        raise PdfUnavailable(
            "现在不能打印纸质券。", "这台服务器还没有安装中文字体。", "券已经发了，可以先抄下券码使用。"
        )
    return typst.Compiler(input=str(TEMPLATE), font_paths=[str(fonts)], ignore_system_fonts=True)
