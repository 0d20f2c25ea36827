"""What is learned from in an online session: a recording or a page somewhere on the network, and how long it is."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Material:
    """`kind` video or page, an https address, its length in minutes; all empty where another platform plays the lesson."""

    kind: str = ""
    url: str = ""
    minutes: int = 0


NO_MATERIAL = Material()


def material_faults(material: Material, *, online: bool, planned_minutes: int) -> dict[str, str]:
    """What is wrong with it, by field: the hours of a session can only be earned by as much material."""
    if material == NO_MATERIAL:
        return {}
    fields: dict[str, str] = {}
    if not online:
        fields["online"] = "有线上材料的，请勾选线上课。"
    if material.kind not in ("video", "page"):
        fields["material_kind"] = "请选择视频或网页。"
    if not origin(material.url):
        fields["material_url"] = "请填写 https:// 开头的完整地址。"
    if material.minutes < planned_minutes:
        fields["material_minutes"] = f"这次课要学 {planned_minutes} 分钟，材料不够长，学员学不满课时。"
    return fields


def origin(url: str) -> str:
    """The scheme and host of an https address, for the content security policy; empty for what is none."""
    if not url.isascii() or any(one in url for one in " ;,'\"\\"):
        return ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme != "https" or not parts.hostname or parts.username is not None:
        return ""
    return f"https://{parts.hostname}{f':{port}' if port else ''}"
