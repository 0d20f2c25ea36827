"""How doubtful a sign-in is: weak signals added up to one score with its reasons. Pure; `evidence` brings what was seen.

A score is for a person to look at. It takes no hours away. Every signal has honest causes too, so that single ones stay
below the bar, and the context of the class (a cellar without satellites, a family with one phone) counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from zhaoliang.attendance.weights import WEIGHTS, Weights
from zhaoliang.kernel.geo import distance_m

__all__ = ["WEIGHTS", "Reason", "Seen", "Verdict", "judge"]

OWN = frozenset({"location", "class_code"})
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Seen:
    """One sign-in as it reached us. Times in unix seconds, degrees WGS84, metres; None is what nobody said."""

    id: int
    attendance: int
    person: int
    session: int
    method: str
    at: float
    received: float
    begins: float
    ends: float
    site_x: float
    site_y: float
    radius: int
    x: float | None = None
    y: float | None = None
    distance: int | None = None
    accuracy: int | None = None
    mock: bool | None = None
    device: str = ""
    operator: int | None = None
    phone_at: float | None = None
    skew_ms: int | None = None
    sequence: int | None = None
    code_age: int | None = None
    code_every: int = 20
    signed: bool | None = None
    signed_out: bool = True
    face: bool | None = None


@dataclass(frozen=True)
class Reason:
    """A signal that was seen, its points, and the evidence in words."""

    signal: str
    points: int
    says: str


@dataclass(frozen=True)
class Verdict:
    """What a sign-in adds up to, 0 to 100."""

    id: int
    attendance: int
    score: int
    reasons: tuple[Reason, ...]


@dataclass
class _Sheet:
    """The reasons found for one sign-in."""

    weights: Weights
    reasons: list[Reason] = field(default_factory=list)

    def add(self, signal: str, says: str = "") -> None:
        known = self.weights.signals[signal]
        self.reasons.append(Reason(signal, known.points, says or known.label))


@dataclass
class _Context:
    """What was seen around a session, found by person, by device, by place."""

    weights: Weights
    rows: list[Seen]
    by_person: dict[int, list[Seen]]
    by_device: dict[str, list[Seen]]
    cellar: bool
    called: float


def judge(
    session: Sequence[Seen],
    around: Iterable[Seen],
    weights: Weights = WEIGHTS,
    *,
    sign_out_required: bool = False,
) -> list[Verdict]:
    """Weigh the sign-ins of one session; `around` are other sign-ins of the same people and devices, before and after."""
    seen = {row.id: row for row in (*around, *session)}
    everything = sorted(seen.values(), key=lambda row: (row.at, row.id))
    by_person: dict[int, list[Seen]] = defaultdict(list)
    by_device: dict[str, list[Seen]] = defaultdict(list)
    for row in everything:
        by_person[row.person].append(row)
        if row.device and row.method in OWN:
            by_device[row.device].append(row)
    own = [row for row in session if row.method in OWN]
    dim = sum(row.x is None or (row.accuracy or 0) > 300 for row in own)
    called = sum(row.method == "roll_call" for row in session)
    context = _Context(
        weights,
        list(session),
        by_person,
        by_device,
        cellar=len(own) >= 5 and dim >= weights.cellar_share * len(own),
        called=called / len(session) if len(session) >= 6 else 0.0,
    )
    bursts = _bursts(session)
    verdicts = []
    for row in session:
        sheet = _Sheet(weights)
        if row.method in OWN:
            _code(row, sheet, context)
            _place(row, sheet, context)
            _device(row, sheet, context)
            _clock(row, sheet, context)
        if row.face is False:
            sheet.add("face_low")
        _people(row, sheet, context)
        _staff(row, sheet, context, bursts)
        if sign_out_required:
            _sign_out(row, sheet, context)
        points = max(0, min(100, sum(one.points for one in sheet.reasons)))
        verdicts.append(Verdict(row.id, row.attendance, points, tuple(sheet.reasons)))
    return verdicts


def _excess(row: Seen, weights: Weights) -> int:
    """Metres outside the site's radius that the phone's own doubt does not explain; 0 without a place."""
    if row.distance is None:
        return 0
    # What a phone calls its accuracy holds for two places of three; a coarse one errs by twice as much easily enough.
    accuracy = row.accuracy or 0
    doubt = accuracy * 2 if accuracy > weights.coarse_m else accuracy
    return max(0, row.distance - min(doubt, weights.believed_accuracy_m) - row.radius)


def _code(row: Seen, sheet: _Sheet, context: _Context) -> None:
    if row.method != "class_code" or row.code_age is None:
        return
    age = row.code_age
    if age < -30:
        sheet.add("code_future", f"码比扫码时间新 {-age} 秒")
    elif age > 300:
        sheet.add("code_old", f"码出现 {age} 秒后才扫")
    elif age > row.code_every * 2 + 15:
        sheet.add("code_stale", f"码出现 {age} 秒后才扫")
    elif age > row.code_every + 5:
        sheet.add("code_late", f"码出现 {age} 秒后才扫")
    vague = _vague(row)
    elsewhere = _excess(row, context.weights) > 0
    if age > row.code_every // 2 and (elsewhere or (vague and not context.cellar)):
        says = f"码出现 {age} 秒后扫，{'定位在外' if elsewhere else '没有可用的定位'}"
        # A phone that never has a good place says nothing by having none today.
        usual = [_vague(one) for one in context.by_person[row.person] if one.method in OWN and one.id != row.id]
        sure = (row.accuracy or 0) <= 100 if elsewhere else age > row.code_every and usual and not any(usual)
        sheet.add("relay" if sure else "relay_soon", says)


def _vague(row: Seen) -> bool:
    return row.x is None or (row.accuracy or 0) > 500


def _place(row: Seen, sheet: _Sheet, context: _Context) -> None:
    weights = context.weights
    if row.mock:
        sheet.add("mock")
    if row.x is None or row.y is None:
        if not context.cellar:
            sheet.add("no_place")
            given = [
                one.x is not None for one in context.by_person[row.person] if one.method in OWN and one.id != row.id
            ]
            if len(given) >= 3 and all(given):
                sheet.add("place_withheld")
        return
    excess = _excess(row, weights)
    if excess > 1_000:
        sheet.add("far", f"离教学点 {row.distance} 米")
    elif excess > 0:
        sheet.add("outside", f"离教学点 {row.distance} 米，精度 {row.accuracy or '不明'} 米")
    accuracy = row.accuracy
    fine = accuracy is not None and accuracy <= weights.coarse_m
    if accuracy is not None and accuracy <= 1:
        sheet.add("perfect", f"定位精度 {accuracy} 米，好得不真实")
    if fine and row.distance is not None and row.distance <= 2:
        sheet.add("centre")
    others = {
        one.person
        for one in context.rows
        if one.person != row.person and one.device != row.device and (one.x, one.y) == (row.x, row.y)
    }
    before = sum(
        (one.x, one.y) == (row.x, row.y) and one.session != row.session for one in context.by_person[row.person]
    )
    if not fine:
        if others or before:
            sheet.add("coarse_repeat")
        return
    if others:
        sheet.add("same_place", f"与另外 {len(others)} 人的坐标完全一样")
    for _ in range(min(before, 2)):
        sheet.add("repeated_place", f"与自己另外 {before} 次的坐标完全一样")


def _device(row: Seen, sheet: _Sheet, context: _Context) -> None:
    if not row.device:
        return
    used = context.by_device[row.device]
    here = [one for one in used if one.session == row.session and one.person != row.person]
    others = {one.person for one in here}
    household = _household(row.device, {*others, row.person}, context)
    strangers = {*others, row.person} - household
    if household and len(strangers) <= 1 and all(len(_apart(one, row, context)) >= 2 for one in strangers):
        # Two who always share one phone are one owner: who has his own and borrows theirs has borrowed one phone.
        others = set() if row.person in household else {min(household)}
    if len(others) >= 3:
        sheet.add("shared_many", f"这部手机这次课为 {len(others) + 1} 人签到")
    elif len(others) == 2:
        sheet.add("shared_three")
    elif others:
        _borrowed(row, next(iter(others)), here, sheet, context)
    elif row.person in household:
        sheet.add("shared_two")
        sheet.add("family")
    for one in used:
        if one.session != row.session and abs(one.at - row.at) < DAY_S / 2 and _too_fast(one, row, context.weights):
            sheet.add("device_places", "同一部手机在两个教学点之间来不及")
            break


def _household(device: str, people: set[int], context: _Context) -> set[int]:
    """Of the people with this phone in this session, those who have shared it for three sessions and have no other."""
    used = context.by_device[device]
    sessions = {one: {row.session for row in used if row.person == one} for one in people}
    only = {
        one
        for one in people
        if not any(row.method in OWN and row.device and row.device != device for row in context.by_person[one])
    }
    return {one for one in only if any(len(sessions[one] & sessions[two]) >= 3 for two in only - {one})}


def _apart(person: int, row: Seen, context: _Context) -> list[Seen]:
    """A person's sign-ins of other sessions with another phone than the row's."""
    return [
        one
        for one in context.by_person[person]
        if one.method in OWN and one.session != row.session and one.device and one.device != row.device
    ]


def _borrowed(row: Seen, other: int, here: list[Seen], sheet: _Sheet, context: _Context) -> None:
    """One classmate's phone: a loan, or a hand that signs for two."""
    sheet.add("shared_two")
    used = context.by_device[row.device]
    together = {one.session for one in used if one.person == other} & {
        one.session for one in used if one.person == row.person
    }
    apart = _apart(row.person, row, context)
    if len(apart) < 2 or not any(one.person == other and one.session != row.session for one in used):
        return
    sheet.add("foreign_device", f"以前 {len(apart)} 次用的是另一部手机")
    if len(together) >= 2:
        sheet.add("foreign_again", f"已是第 {len(together)} 次")
    gap = min(abs(one.at - row.at) for one in here)
    if gap <= context.weights.in_a_row_s:
        sheet.add("in_a_row", f"与同学的签到相隔 {round(gap)} 秒")


def _clock(row: Seen, sheet: _Sheet, context: _Context) -> None:
    if row.phone_at is not None and row.skew_ms is not None:
        moved = row.phone_at - (row.at + row.skew_ms / 1000)
        if abs(moved) > context.weights.clock_noise_s:
            sheet.add("clock_moved", f"手机时间{'拨快' if moved > 0 else '拨慢'}了 {abs(round(moved))} 秒")
    if row.received - row.at > 6 * 3600:
        sheet.add("uploaded_hours", f"{round((row.received - row.at) / 3600)} 小时后上传")
    elif row.received - row.at > 600:
        sheet.add("uploaded_late", f"{round((row.received - row.at) / 60)} 分钟后上传")
    if row.signed is False:
        sheet.add("unsigned")
    if row.sequence is None or not row.device:
        return
    # Only what came after can be the copy.
    before = [
        one
        for one in context.by_device[row.device]
        if one.sequence is not None and (one.received, one.id) < (row.received, row.id)
    ]
    twins = [one for one in before if one.sequence == row.sequence]
    if any(_same_content(one, row) for one in twins):
        sheet.add("replay", f"次序号 {row.sequence} 和内容都与以前的一次相同")
    elif row.sequence > 1 and any(one.sequence == row.sequence for one in _since_cleared(before)):
        sheet.add("twin", f"手机记的都是第 {row.sequence} 次")
    elif any((one.sequence or 0) > row.sequence and one.at < row.at for one in _since_cleared(before)):
        sheet.add("order", f"手机记的是第 {row.sequence} 次")


def _since_cleared(before: list[Seen]) -> list[Seen]:
    """A phone's sign-ins since it last began to count from one: cleared browser data, once seen, explains what follows."""
    rows = sorted(before, key=lambda one: (one.at, one.id))
    begins = max((place for place, one in enumerate(rows) if one.sequence == 1), default=0)
    return rows[begins:]


def _same_content(one: Seen, two: Seen) -> bool:
    places = one.x is not None and (one.x, one.y) == (two.x, two.y)
    return places or (one.phone_at is not None and one.phone_at == two.phone_at)


def _people(row: Seen, sheet: _Sheet, context: _Context) -> None:
    mine = context.by_person[row.person]
    if any(one.session != row.session and one.begins < row.ends and row.begins < one.ends for one in mine):
        sheet.add("two_classes")
        return
    for one in mine:
        near = one.id != row.id and one.session != row.session and abs(one.at - row.at) < DAY_S / 2
        if near and _too_fast(one, row, context.weights):
            sheet.add("travel", f"相隔 {round(abs(one.at - row.at) / 60)} 分钟，离得太远")
            break


def _where(row: Seen) -> tuple[float, float, float]:
    """Where a sign-in says its person is, and how sure that is in metres."""
    if row.x is None or row.y is None or row.method not in OWN:
        return row.site_x, row.site_y, float(row.radius)
    return row.x, row.y, float(row.accuracy if row.accuracy is not None else 100)


def _too_fast(one: Seen, two: Seen, weights: Weights) -> bool:
    x1, y1, doubt1 = _where(one)
    x2, y2, doubt2 = _where(two)
    way = distance_m(x1, y1, x2, y2) - min(doubt1, 1_500) - min(doubt2, 1_500) - 300
    time = max(30.0, abs(one.at - two.at))
    # A train is fast, but the way to the station, the wait and the way from it come first.
    return way > max(0.0, weights.road_mps * time, weights.rail_mps * (time - weights.rail_overhead_s))


def _bursts(session: Sequence[Seen]) -> set[int]:
    """The sign-ins of one operator's account that follow each other faster than people can queue, six or more in a row."""
    found: set[int] = set()
    by_operator: dict[int, list[Seen]] = defaultdict(list)
    for row in session:
        if row.operator is not None and row.method in ("card", "id_card", "voucher"):
            by_operator[row.operator].append(row)
    for rows in by_operator.values():
        rows.sort(key=lambda row: row.at)
        run = rows[:1]
        for one, two in pairwise(rows):
            if two.at - one.at >= 2:
                run = []
            run.append(two)
            if len(run) >= 6:
                found.update(row.id for row in run)
    return found


def _staff(row: Seen, sheet: _Sheet, context: _Context, bursts: set[int]) -> None:
    if row.id in bursts:
        sheet.add("staff_burst")
    if row.method == "roll_call":
        if context.called > 0.6:
            sheet.add("staff_all", f"这次课 {round(context.called * 100)}% 由老师点名")
        elif context.called >= 0.3:
            sheet.add("staff_many", f"这次课 {round(context.called * 100)}% 由老师点名")


def _sign_out(row: Seen, sheet: _Sheet, context: _Context) -> None:
    if row.signed_out:
        return
    missing = sum(not one.signed_out for one in context.by_person[row.person])
    if missing >= 4:
        sheet.add("no_sign_outs", f"已有 {missing} 次没有签退")
    else:
        sheet.add("no_sign_out")
