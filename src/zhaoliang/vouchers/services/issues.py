"""Targeted issue (定向发放, 方案 一（一）1（1）): by an Excel list or a query, decided by a second person, in parts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from zhaoliang.kernel.acts import act, require_other_person
from zhaoliang.kernel.days import chinese_day, format_cn_time
from zhaoliang.kernel.errors import BadInput, Refusal, WrongState
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.kernel.roles import Actor, Place, Reach, Role, system_actor
from zhaoliang.registry.selectors import people_by_hash, person_hash
from zhaoliang.registry.services import Message, Newcomer, register_people, tell
from zhaoliang.vouchers.audience import Criteria, audience
from zhaoliang.vouchers.excel import Entry
from zhaoliang.vouchers.models import IssueLine, IssueList, Voucher, VoucherBatch
from zhaoliang.vouchers.refusals import SameFile
from zhaoliang.vouchers.selectors import places_left
from zhaoliang.vouchers.services.batches import DRAFTERS, PUBLISHERS
from zhaoliang.vouchers.services.issue_checks import PART, check_lines, judge
from zhaoliang.vouchers.services.lives import give_up
from zhaoliang.vouchers.states import BATCH, ISSUE, PHASES

_EITHER = DRAFTERS | PUBLISHERS
_DECLARATION = "按名单发放，本人没有在线承诺；用券时由培训机构当面核对本人。"


@act("vouchers.draft_issue", label="拟定发券名单", grants=DRAFTERS, on="batch")
def draft_issue(
    *,
    actor: Actor,
    at: datetime,
    batch: VoucherBatch,
    entries: Sequence[Entry],
    file_name: str,
    file_hash: str,
    on_duplicate: str = "skip",
    on_unclear: str = "issue",
) -> IssueList:
    """Take a list that was read without faults; people not on file yet are registered.

    `on_duplicate` says what becomes of those who hold an unused voucher of the batch: "skip", or "replace" it by a new one;
    `on_unclear` of those of whom nobody can tell whether they may have it: "issue", or "skip". The policies are asked about
    the first people at once, about the others by `check_issue_part`.
    Raises SameFile for a file that was taken for this batch before, BadInput naming rows whose number is on file under
    another name, WrongState unless the batch is open and its time to claim is not over.
    """
    _require_open(batch, at)
    _require_choices(on_duplicate, on_unclear)
    earlier = IssueList.objects.filter(city_code=batch.city_code, batch=batch, file_hash=file_hash)
    if earlier.exclude(state="refused").exists():
        raise SameFile(
            "没有再收一次。",
            "这一批已经收过完全相同的文件，同一份名单不会发两次券。",
            "请打开原来的名单看结果；要补发的，另做一份只含补发人员的名单。",
        )
    hashes = {one.row: person_hash(one.document_type, one.document_number) for one in entries}
    known = people_by_hash(city_code=batch.city_code, hashes=list(hashes.values()))
    wrong = [one.row for one in entries if (held := known.get(hashes[one.row])) and held.name != one.name]
    if wrong:
        rows = "、".join(str(row) for row in wrong[:20])
        raise BadInput(
            "没有保存名单。",
            f"第 {rows} 行的证件号在平台上登记的是另一个姓名。",
            "请核对这些行的姓名和证件号。",
            fields={"file": f"第 {rows} 行的姓名与证件号不符。"},
        )
    made = IssueList.objects.create(
        city_code=batch.city_code,
        batch=batch,
        source="file",
        file_name=file_name[:120],
        file_hash=file_hash,
        on_duplicate=on_duplicate,
        on_unclear=on_unclear,
        people=len(entries),
        created_at=at,
    )
    strangers = [
        Newcomer(one.name, one.document_type, one.document_number, one.phone)
        for one in entries
        if hashes[one.row] not in known
    ]
    place = Place(batch.city_code, batch.region_id)
    filed = known | register_people(strangers, actor=system_actor(actor.name), at=at, place=place)
    lines = [
        IssueLine(
            city_code=batch.city_code,
            issue=made,
            person=filed[hashes[one.row]],
            row=one.row,
            note="" if hashes[one.row] in known else "新建档",
        )
        for one in entries
    ]
    IssueLine.objects.bulk_create(lines, batch_size=1000)
    check_lines(made, at)
    return made


@act("vouchers.choose_for_issue", label="选择名单怎样处理", grants=DRAFTERS, on="issue")
def choose_for_issue(*, actor: Actor, at: datetime, issue: IssueList, on_duplicate: str, on_unclear: str) -> IssueList:
    """Choose anew, after a look at a list from a file, what becomes of those who hold a voucher and of those nobody can tell of.

    Raises BadInput, and WrongState once the list was submitted. A query leaves out who holds one, and was filled up by its choice.
    """
    if issue.source != "file":
        raise BadInput("没有改。", "按条件拟的名单不含已有券的人。", "要换一种办法，请重新按条件拟一份。")
    _require_choices(on_duplicate, on_unclear)
    # As it stands now: somebody may just have submitted what he looked at.
    drafts = IssueList.objects.filter(city_code=issue.city_code, pk=issue.pk, state="draft")
    changed = drafts.update(on_duplicate=on_duplicate, on_unclear=on_unclear)
    issue.refresh_from_db(fields=["state", "on_duplicate", "on_unclear"])
    if not changed:
        raise ISSUE.refusal(issue.state, "submit")
    return issue


@act("vouchers.query_issue", label="按条件拟定发券名单", grants=DRAFTERS, on="batch")
def query_issue(
    *, actor: Actor, at: datetime, batch: VoucherBatch, criteria: Criteria, on_unclear: str = "issue"
) -> IssueList:
    """A list of the people on file who fit, asked about as `draft_issue` does, until there is one for each voucher left.

    Whom the policies refuse stays on the list with the reason and takes no voucher from the next: who nobody can tell of counts
    as one who gets a voucher unless `on_unclear` says "skip". Raises BadInput when nobody fits.
    """
    _require_open(batch, at)
    _require_choices("skip", on_unclear)
    left = places_left(batch.city_code, [batch.pk]).get(batch.pk, 0)
    people = list(audience(batch, criteria, chinese_day(at)).values_list("pk", flat=True)[:left])
    if not people:
        raise BadInput("没有拟定名单。", "没有人符合这些条件，或券已经领完。", "请放宽条件再查。")
    made = IssueList.objects.create(
        city_code=batch.city_code,
        batch=batch,
        source="query",
        criteria=criteria.as_json(),
        on_duplicate="skip",
        on_unclear=on_unclear,
        people=len(people),
        created_at=at,
    )
    rows = [IssueLine(city_code=batch.city_code, issue=made, person_id=pk, row=row) for row, pk in enumerate(people, 1)]
    IssueLine.objects.bulk_create(rows, batch_size=1000)
    check_lines(made, at)
    return made


def _require_choices(on_duplicate: str, on_unclear: str) -> None:
    if on_duplicate not in ("skip", "replace"):
        raise BadInput("没有保存名单。", "没有这种处理办法。", fields={"on_duplicate": "请选择跳过或换发。"})
    if on_unclear not in ("issue", "skip"):
        raise BadInput("没有保存名单。", "没有这种处理办法。", fields={"on_unclear": "请选择照发或先不发。"})


def _require_open(batch: VoucherBatch, at: datetime) -> None:
    batch.refresh_from_db(fields=["state", "claim_until"])
    if batch.state != "open":
        raise BATCH.refusal(batch.state, "suspend")
    if batch.phase(at) == "late":
        raise WrongState(
            "没有拟定名单。",
            f"这一批的领取已于 {format_cn_time(batch.claim_until)} 截止，按名单也发不出去。",
            "请先提出延长领取截止，批准后再拟名单。",
        )


@act("vouchers.submit_issue", label="提交发券名单", grants=DRAFTERS, on="issue")
def submit_issue(*, actor: Actor, at: datetime, issue: IssueList) -> IssueList:
    """Hand the list to a second person. Raises Refusal while the policies were not asked about everybody on it."""
    if IssueLine.objects.filter(city_code=issue.city_code, issue=issue, outcome="").exists():
        raise Refusal("名单没有提交。", "还有人没有核对是否符合领券条件。", "请等核对完，看过结果再提交。")
    ISSUE.fire(
        issue,
        "submit",
        submitted_by_user=actor.user_id,
        submitted_by_person=actor.person_id,
        submitted_by_name=actor.name,
        submitted_at=at,
    )
    return issue


@act("vouchers.refuse_issue", label="不发或撤回发券名单", grants=_EITHER, on="issue")
def refuse_issue(*, actor: Actor, at: datetime, issue: IssueList) -> IssueList:
    """Leave the list; nobody gets anything by it. Raises WrongState once it was approved."""
    ISSUE.fire(issue, "refuse")
    return issue


@act("vouchers.approve_issue", label="批准发券名单", grants=PUBLISHERS, on="issue")
def approve_issue(*, actor: Actor, at: datetime, issue: IssueList) -> IssueList:
    """A second person lets the list go out; the job `vouchers.issue_all` then issues.

    Raises SamePerson, WrongState, also before and after the batch's time to claim: every line would be refused.
    """
    require_other_person(
        actor, person_id=issue.submitted_by_person, user_id=issue.submitted_by_user, step="提交这份名单"
    )
    batch = issue.batch
    if (phase := batch.phase(at)) in PHASES:
        when = f"{format_cn_time(batch.claim_from)} 才开始" if phase == "early" else "已经截止"
        raise WrongState(
            "名单没有批准。",
            f"这一批的领取{when}，现在一张也发不出去。",
            "请在领取期内批准；期限不合适的，先调整批次。",
        )
    ISSUE.fire(
        issue,
        "approve",
        approved_by_user=actor.user_id,
        approved_by_person=actor.person_id,
        approved_by_name=actor.name,
        approved_at=at,
    )
    return issue


@act("vouchers.issue_part", label="按名单发券", grants=PUBLISHERS | {Role.SYSTEM: Reach.ANY}, on="issue")
def issue_part(*, actor: Actor, at: datetime, issue: IssueList) -> int:
    """Issue to the next people of an approved list, at most `PART`; returns how many lines were decided (0: all are).

    Each gets one voucher by the same function and constraint as any claim, so that no list ever gives a second one. The
    policies are asked again: a no gets nothing, nor does who nobody can tell of where the list says so.
    """
    if issue.state != "approved":
        raise ISSUE.refusal(issue.state, "finish")
    batch = issue.batch
    rows = IssueLine.objects.filter(city_code=issue.city_code, issue=issue, state="waiting")
    rows = rows.select_related("person").order_by("id")
    lines = {line.person_id: line for line in rows.select_for_update(of=("self",), skip_locked=True)[:PART]}
    if not lines:
        return 0
    judge(batch, list(lines.values()), at)
    left_out = ("fail", "cannot_tell") if issue.on_unclear == "skip" else ("fail",)
    fit = [person_id for person_id, line in lines.items() if line.outcome not in left_out]
    # Everybody else by what the policies say of him.
    answers = {person_id: (line.outcome, None) for person_id, line in lines.items()}
    answers |= _given(issue, [lines[person_id] for person_id in fit], at)
    told: list[Message] = []
    for person_id, (answer, voucher_id) in answers.items():
        line = lines[person_id]
        line.state, line.voucher_id, line.note = _outcome(answer, voucher_id, line.note)
        if voucher_id is not None:
            text = f"发给您一张“{batch.name}”，用在：{batch.scope_text}。请在有效期内报名。"[:300]
            told.append(Message("voucher_issued", "您收到一张培训券", text, person_id, None, ("voucher", voucher_id)))
    decided = [line for line in lines.values() if line.state != "waiting"]
    IssueLine.objects.filter(city_code=issue.city_code).bulk_update(
        decided, ["state", "voucher_id", "note", "outcome", "why"]
    )
    tell(issue.city_code, told, at=at)
    return len(decided)


class _NotReplaced(Exception):
    """Somebody whose voucher was taken back got no other."""


def _given(issue: IssueList, lines: list[IssueLine], at: datetime) -> dict[int, tuple[str, int | None]]:
    """The vouchers of a part; with "replace" also to who holds an unused one, unless any of them would be left without."""
    if issue.on_duplicate != "replace":
        return _claimed(issue, lines, at)
    people = [line.person_id for line in lines]
    held = Voucher.objects.filter(
        city_code=issue.city_code, batch=issue.batch, person_id__in=people, state="claimed"
    ).order_by("slot", "id")
    try:
        with transaction.atomic():
            before = [give_up(one, at, "按名单换发新券").person_id for one in held]
            answers = _claimed(issue, lines, at)
            if any(answers[person_id][0] != "ok" for person_id in before):
                raise _NotReplaced
            return answers
    except _NotReplaced:
        # The batch ended, was suspended or is full meanwhile: whoever holds a voucher keeps it.
        return _claimed(issue, lines, at)


def _claimed(issue: IssueList, lines: list[IssueLine], at: datetime) -> dict[int, tuple[str, int | None]]:
    """What `claim_vouchers` answers for each person."""
    batch, people = issue.batch, [line.person_id for line in lines]
    # What nobody could check stands with the voucher, as a claim's own declaration does, and who let it go out.
    declared = [
        _DECLARATION + (f"{line.why}；由{issue.approved_by_name}批准照发。" if line.outcome == "cannot_tell" else "")
        for line in lines
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT place, answer, voucher_id FROM claim_vouchers(%s, %s, %s, %s, 'issued', %s, %s)",
            [batch.city_code, batch.pk, people, [str(new_code(batch.city_code)) for _ in people], declared, at],
        )
        return {people[place - 1]: (answer, voucher_id) for place, answer, voucher_id in cursor.fetchall()}


_WHY = {
    "has_one": ("held", "已有这一批的券，没有再发"),
    "full": ("refused", "券已发完"),
    "late": ("refused", "领取期已过"),
    "early": ("refused", "还没到领取期"),
    "not_open": ("refused", "批次没有在发放"),
    "fail": ("refused", "没有发"),
    "cannot_tell": ("refused", "先不发"),
}


def _outcome(answer: str, voucher_id: int | None, note: str) -> tuple[str, int | None, str]:
    if answer == "ok":
        return "issued", voucher_id, note
    # "again": places are held by others at this moment; the next part asks once more.
    state, why = _WHY.get(answer, ("waiting", note))
    return state, None, why


@act("vouchers.finish_issue", label="办结发券名单", grants=PUBLISHERS | {Role.SYSTEM: Reach.ANY}, on="issue")
def finish_issue(*, actor: Actor, at: datetime, issue: IssueList) -> IssueList:
    """Close a list of which every line is decided. Raises Refusal while some wait."""
    if IssueLine.objects.filter(city_code=issue.city_code, issue=issue, state="waiting").exists():
        raise Refusal("名单没有办结。", "还有人没有发到。", "请等发放完成。")
    ISSUE.fire(issue, "finish")
    return issue
