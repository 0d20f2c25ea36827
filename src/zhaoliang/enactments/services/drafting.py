"""Acts that write a draft: begun from a text in force or empty, changed by form, by Excel or as a whole text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime

from django.conf import settings
from yaml import YAMLError

from zhaoliang.enactments import excel
from zhaoliang.enactments.checking import Checked, text_days
from zhaoliang.enactments.editing import figures, tables, versions
from zhaoliang.enactments.models import PolicyDraft
from zhaoliang.enactments.services.common import (
    DRAFTERS,
    add_revision,
    editable,
    save_revision,
    unchanged,
)
from zhaoliang.kernel.acts import act
from zhaoliang.kernel.errors import BadInput, Refusal
from zhaoliang.kernel.roles import Actor, Place
from zhaoliang.policy import Document, PolicyError
from zhaoliang.registry.lawbook import lawbook, overlay

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


def text_of(document: Document) -> tuple[str, str, dict[str, str]]:
    """A text of the library as it is written: its path, the text, and the tables it reads."""
    path = versions.path_of(document.id, document.start)
    files, folder = overlay(), path.rpartition("/")[0]

    def read(name: str) -> str:
        held = files.get(name)
        return (held if held is not None else (settings.POLICIES / name).read_bytes()).decode("utf-8-sig")

    content = read(path)
    return path, content, {name: read(f"{folder}/{name}") for name in versions.table_files(content)}


def version_of(document_id: str, start: date) -> Document | None:
    """One version of a document of the library."""
    return next((one for one in lawbook().documents if (one.id, one.start) == (document_id, start)), None)


def _made(
    place: Place,
    actor: Actor,
    at: datetime,
    *,
    kind: str,
    document_id: str,
    title: str,
    purpose: str,
    content: str,
    base: tuple[str, str, dict[str, str]] = ("", "", {}),
) -> PolicyDraft:
    start, _ = text_days(content)
    made = PolicyDraft.objects.create(
        city_code=place.city_code,
        region_id=place.region_code,
        kind=kind,
        document_id=document_id,
        title=title[:200],
        purpose=_purpose(purpose),
        base_path=base[0],
        base_content=base[1],
        base_tables=base[2],
        valid_from=start,
        content=content,
        tables=base[2],
        created_at=at,
    )
    add_revision(made, "起草", actor, at)
    return made


def _purpose(purpose: str) -> str:
    said = purpose.strip()
    if not said:
        raise BadInput("没有起草。", "没有写明为什么改。", "请用一句话写明。", fields={"purpose": "请写明为什么改。"})
    return said[:300]


def _library_text(document_id: str, start: date, place: Place) -> Document:
    document = version_of(document_id, start)
    if document is None:
        raise BadInput("没有起草。", "没有这份文本。", "请从列表里选择。", fields={"base": "没有这份文本。"})
    if document.region != place.region_code:
        raise Refusal("没有起草。", "这份文件不是本地区的。", "由制定它的部门修订。")
    return document


@act("enactments.start_revision", label="起草政策修订", grants=DRAFTERS, on="place")
def start_revision(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    document_id: str,
    version: date,
    valid_from: date,
    valid_to: date | None = None,
    purpose: str,
) -> PolicyDraft:
    """Begin the next version of a document of the place from one of its versions. Raises BadInput, Refusal."""
    document = _library_text(document_id, version, place)
    if valid_to is not None and valid_to < valid_from:
        raise BadInput("没有起草。", "失效日早于生效日。", fields={"valid_to": "不能早于生效日。"})
    base = text_of(document)
    content = versions.set_dates(base[1], valid_from, valid_to)
    return _made(
        place,
        actor,
        at,
        kind="revise",
        document_id=document.id,
        title=document.title,
        purpose=purpose,
        content=content,
        base=base,
    )


@act("enactments.start_document", label="起草新政策文件", grants=DRAFTERS, on="place")
def start_document(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    folder: str,
    title: str,
    number: str,
    issuers: str,
    clause: str,
    valid_from: date,
    purpose: str,
) -> PolicyDraft:
    """Begin a new document with its head and first clause. `folder` names it in addresses (a-z, 0-9, -)."""
    content, document_id = _new_text(place, folder, title, number, issuers, clause, valid_from)
    return _made(place, actor, at, kind="new", document_id=document_id, title=title, purpose=purpose, content=content)


@act("enactments.start_repeal", label="起草废止文件", grants=DRAFTERS, on="place")
def start_repeal(
    *,
    actor: Actor,
    at: datetime,
    place: Place,
    document_id: str,
    version: date,
    folder: str,
    title: str,
    number: str,
    issuers: str,
    clause: str,
    valid_from: date,
    purpose: str,
) -> PolicyDraft:
    """Begin a document by which another one of the place stops binding on `valid_from`; its classes until then keep it."""
    repealed = _library_text(document_id, version, place)
    content, made_id = _new_text(place, folder, title, number, issuers, clause, valid_from, repealed.id)
    return _made(place, actor, at, kind="repeal", document_id=made_id, title=title, purpose=purpose, content=content)


def _new_text(
    place: Place, folder: str, title: str, number: str, issuers: str, clause: str, valid_from: date, repealed: str = ""
) -> tuple[str, str]:
    problems: dict[str, str] = {}
    if not _SLUG.fullmatch(folder.strip()):
        problems["folder"] = "只用小写字母、数字和短横，如 jinrenshe-2027-1。"
    names = [one.strip() for one in re.split(r"[、,，;；\n]", issuers) if one.strip()]
    for field, said in (("title", title), ("clause", clause), ("issuers", " ".join(names))):
        if not said.strip():
            problems[field] = "请填写这一项。"
    document_id = f"{versions.jurisdiction(place.region_code)}/{folder.strip()}"
    if any(one.id == document_id for one in lawbook().documents):
        problems["folder"] = "已有同名的文件；要改它，请起草修订。"
    if problems:
        raise BadInput("没有起草。", "有内容填写不对。", "请按提示改正。", fields=problems)
    content = versions.blank_text(
        document_id=document_id,
        region_code=place.region_code,
        title=title.strip(),
        number=number.strip(),
        issuers=names,
        start=valid_from,
        clause=clause.strip(),
        repealed=repealed,
    )
    return content, document_id


def _readable(draft: PolicyDraft) -> None:
    """Raises Refusal where the text cannot be read, so that only the whole text can be mended."""
    try:
        figures.tree_of(draft.content)
    except PolicyError as problem:
        raise Refusal("没有保存。", f"全文现在读不懂：{problem}", "请先在“全文”里改正，再用表单。") from problem


@act("enactments.set_figures", label="修改政策数值", grants=DRAFTERS, on="draft")
def set_figures(
    *,
    actor: Actor,
    at: datetime,
    draft: PolicyDraft,
    revision: int,
    typed: Mapping[str, str],
    valid_from: date | None = None,
    valid_to: date | None = None,
) -> PolicyDraft:
    """Change figures by their place in the text, and its days in force. Raises BadInput with a message at each field."""
    held = editable(draft, revision)
    _readable(held)
    content = figures.set_figures(held.content, typed)
    if valid_from is not None and text_days(content) != (valid_from, valid_to):
        if valid_to is not None and valid_to < valid_from:
            raise BadInput("没有保存。", "失效日早于生效日。", fields={"valid_to": "不能早于生效日。"})
        content = versions.set_dates(content, valid_from, valid_to)
    if not save_revision(held, content, held.tables, "修改数值和日期", actor, at):
        raise unchanged()
    return held


def version_in(draft: PolicyDraft, table: str, index: int) -> tables.TableVersion:
    """One table of the draft. Raises Refusal when it is not there or cannot be read."""
    _readable(draft)
    schema = lawbook().facts_for(draft.region_id)
    for one in tables.table_versions(draft.content, draft.tables, schema):
        if (one.table, one.index) == (table, index):
            return one
    raise Refusal("没有找到这张表。", "文本里没有它，或它的写法不能用表单改。", "请在“全文”里修改。")


def _table_file(draft: PolicyDraft, version: tables.TableVersion) -> str:
    """A file name no other text uses, because each text keeps its own tables for ever."""
    return f"{version.table}-{version.index}-d{draft.pk}-r{draft.revision + 1}.csv".replace("_", "-")


@act("enactments.set_cells", label="修改政策标准表", grants=DRAFTERS, on="draft")
def set_cells(
    *,
    actor: Actor,
    at: datetime,
    draft: PolicyDraft,
    revision: int,
    table: str,
    index: int,
    typed: Mapping[str, str],
) -> PolicyDraft:
    """Change cells of a table; `typed` names a cell by its keys joined with `/`. Raises BadInput at each wrong cell."""
    held = editable(draft, revision)
    version = version_in(held, table, index)
    cells = {tuple(name.split("/")): text for name, text in typed.items()}
    content, files = tables.set_cells(held.content, held.tables, version, cells, new_file=_table_file(held, version))
    if not save_revision(held, content, files, f"修改“{version.says}”", actor, at):
        raise unchanged()
    return held


@act("enactments.import_table", label="导入政策标准表", grants=DRAFTERS, on="draft")
def import_table(
    *, actor: Actor, at: datetime, draft: PolicyDraft, revision: int, table: str, index: int, content: bytes
) -> excel.Imported:
    """Take a whole table over from a workbook: all of it, or nothing where anything in it is wrong (see its findings)."""
    held = editable(draft, revision)
    version = version_in(held, table, index)
    read = excel.read_table(version, content)
    found = read.against(version)
    if found.findings:
        return found
    text, files = tables.set_cells(
        held.content, held.tables, version, read.cells, new_file=_table_file(held, version), whole=True
    )
    note = f"导入“{version.says}”：改 {found.changed}、增 {found.added}、减 {found.removed}"
    if not save_revision(held, text, files, note, actor, at):
        raise unchanged()
    return found


@act("enactments.replace_text", label="修改政策全文", grants=DRAFTERS, on="draft")
def replace_text(*, actor: Actor, at: datetime, draft: PolicyDraft, revision: int, content: str) -> PolicyDraft:
    """Keep a whole text, even one that cannot be read yet: the check says what is wrong with it, nothing typed is lost."""
    held = editable(draft, revision)
    if not save_revision(held, content, held.tables, "修改全文", actor, at):
        raise unchanged()
    return held


@act("enactments.adopt_results", label="采用情形的新结果", grants=DRAFTERS, on="draft")
def adopt_results(*, actor: Actor, at: datetime, draft: PolicyDraft, revision: int, indexes: list[int]) -> PolicyDraft:
    """Let scenarios of the draft expect what the last check got, because that is what the change is for."""
    held = editable(draft, revision)
    checked = Checked.from_json(held.checked)
    wanted = {one.index: one.adopt for one in checked.scenarios if one.index in set(indexes) and not one.ok}
    if not wanted:
        raise Refusal("没有采用。", "没有选中结果与预期不符的情形，或检查以后文本又改过。", "请先重新检查。")
    content = versions.adopt_results(held.content, wanted)
    save_revision(held, content, held.tables, f"采用 {len(wanted)} 个情形的新结果", actor, at)
    return held


@act("enactments.record_decision", label="记录与上位规定不一致的决定", grants=DRAFTERS, on="draft")
def record_decision(
    *,
    actor: Actor,
    at: datetime,
    draft: PolicyDraft,
    revision: int,
    rule_id: str,
    by: str,
    number: str,
    on: date,
    text: str,
) -> PolicyDraft:
    """Write into a rule by hukou or residence who decided, by which paper, that it binds (人社部函〔2021〕14号 七)."""
    held = editable(draft, revision)
    _readable(held)
    said = {"by": by.strip(), "number": number.strip(), "text": text.strip()}
    empty = {name: "请填写这一项。" for name, value in said.items() if not value}
    if empty:
        raise BadInput("决定没有记录。", "有内容没有填。", "请写明由谁、按哪份文件、决定了什么。", fields=empty)
    try:
        content = versions.set_decision(
            held.content,
            rule_id,
            {"by": said["by"], "number": said["number"], "on": on.isoformat(), "text": said["text"]},
        )
    except YAMLError as problem:
        raise Refusal("决定没有记录。", "这条规则的写法不能自动补写。", "请在“全文”里补写 decision。") from problem
    if not save_revision(held, content, held.tables, f"记录规则 {rule_id} 的本地决定", actor, at):
        raise unchanged()
    return held
