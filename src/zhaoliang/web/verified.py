"""What a verification of a voucher is called on the pages: its answer with the tone of its badge, and who asked."""

from __future__ import annotations

from zhaoliang.vouchers.models import VoucherCheck

ANSWERS = {
    "good": ("真券，可以用", "ok"),
    "verified": ("验证通过", "ok"),
    "used": ("已使用", "no"),
    "expired": ("已过期", "no"),
    "redeemed": ("已核销", ""),
    "returned": ("已退券", "no"),
    "void": ("已作废", "no"),
    "not_here": ("不能在本机构使用", "ask"),
    "other_city": ("外市的券", "ask"),
    "not_found": ("没有这张券", "no"),
    "forged": ("二维码是伪造的", "no"),
    "foreign_key": ("不是本平台的二维码", "no"),
    "altered": ("二维码被改动或损坏", "no"),
    "replayed": ("二维码被转手出示", "no"),
    "stale": ("二维码过时", "ask"),
    "malformed": ("券码输错", "ask"),
}
# Two answers that read otherwise for whom the voucher belongs to.
TO_HOLDER = {
    "not_here": ("不是那里能用的券", "ask"),
    "other_city": ("外市不能用", "ask"),
    "stale": ("二维码过时，像截图", "ask"),
}


def asked_by(check: VoucherCheck) -> str:
    """Who verified, as the holder and the bureau may know it; the asker of another city is on file there."""
    if check.answer == "other_city":
        return "外市的查验"
    if check.organisation is not None:
        return check.organisation.name
    return "公众查询" if check.method == "public" else "人社部门"
