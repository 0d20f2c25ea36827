"""A labelled set of sign-ins, honest and attacking, to measure `signals` on: `zhaoliang attendance attack-set`.

Phones, people and attackers are drawn from distributions that overlap, and nothing in a sign-in says which it is: honest phones
repeat places, share devices, lose their clocks and upload late; attackers jitter their places, forward codes fast and borrow
plausible figures. Weights were chosen on seeds below 2,000; tests and the command's default use others.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from math import cos, radians

from zhaoliang.attendance.signals import Seen, judge
from zhaoliang.attendance.weights import WEIGHTS, Weights

DAY_S, EVERY = 86_400, 20
CLASSES, PEOPLE, DAYS = 24, 30, 4
START = 1_773_619_200.0  # 2026-03-16 00:00 UTC
_DEGREE_M = 111_195.0

ATTACKS = {
    "relayed_code": "课堂码转发给不在场的人",
    "screenshot": "课堂码截屏后再扫",
    "spoofed": "模拟定位",
    "shared_device": "一部手机替人签到",
    "teleport": "两个班之间来不及赶到",
    "replay": "重发录下的签到",
    "clock": "改手机时间",
    "two_classes": "同一时间两个班",
    "teacher_proxy": "老师的设备替全班签到",
}


@dataclass
class _Person:
    """A trainee and his phone, with its habits."""

    id: int
    device: str
    gps: str
    skew_ms: int
    sequence: int
    shares: _Person | None = None
    cached: tuple[float, float, int] | None = None


@dataclass
class _Class:
    """A class at a site; some sit in a cellar, some use the class code, some the reader."""

    id: int
    x: float
    y: float
    radius: int
    cellar: bool
    way: str
    people: list[_Person]
    operator: int
    rows: dict[int, list[Seen]] = field(default_factory=dict)


@dataclass
class _World:
    """Everything drawn from one seed: sign-ins by class and day, and which of them are attacks of which kind."""

    draw: random.Random
    classes: list[_Class]
    attacks: dict[int, str]
    last_id: int = 0

    def next_id(self) -> int:
        self.last_id += 1
        return self.last_id


@dataclass(frozen=True)
class Measure:
    """How many of a kind there were, and how many reached the bar."""

    kind: str
    count: int
    raised: int

    @property
    def permille(self) -> int:
        """Raised of a thousand."""
        return self.raised * 1000 // self.count if self.count else 0

    @property
    def percent(self) -> str:
        """The same as people read it, cut and never rounded up."""
        return f"{self.permille // 10}.{self.permille % 10} %"


@dataclass(frozen=True)
class Outcome:
    """One run: each kind of attack, and the honest ones."""

    attacks: tuple[Measure, ...]
    honest: Measure

    @property
    def attack(self) -> Measure:
        """All attacks together."""
        return Measure("all", sum(one.count for one in self.attacks), sum(one.raised for one in self.attacks))


def measure(seed: int, weights: Weights = WEIGHTS, *, bar: int = 50) -> Outcome:
    """Draw a set from a seed and weigh it with the code that weighs the platform's own sign-ins."""
    world = _drawn(seed)
    everything = [row for one in world.classes for rows in one.rows.values() for row in rows]
    raised: dict[str, list[bool]] = {kind: [] for kind in ("honest", "accomplice", *ATTACKS)}
    for training_class in world.classes:
        for rows in training_class.rows.values():
            people, devices = {row.person for row in rows}, {row.device for row in rows if row.device}
            around = [row for row in everything if row.person in people or row.device in devices]
            for verdict in judge(rows, around, weights):
                raised[world.attacks.get(verdict.id, "honest")].append(verdict.score >= bar)
    measured = {kind: Measure(kind, len(found), sum(found)) for kind, found in raised.items()}
    return Outcome(tuple(measured[kind] for kind in ATTACKS), measured["honest"])


def _drawn(seed: int) -> _World:
    world = _World(random.Random(seed), [], {})
    for number in range(CLASSES):
        world.classes.append(_class(world, number))
    for day in range(DAYS):
        for one in world.classes:
            one.rows[day] = _counted(world, one, [_honest(world, one, person, day) for person in one.people])
            _called(world, one, day)
    for kind, attack in _ATTACKS.items():
        for _ in range(_TIMES[kind]):
            attack(world)
    return world


def _class(world: _World, number: int) -> _Class:
    draw = world.draw
    people = [_person(world, number * 100 + place) for place in range(PEOPLE)]
    # A couple, two brothers: one phone for both, from the first day.
    for _ in range(draw.choice([0, 0, 1, 1, 2])):
        one, two = draw.sample(people, 2)
        if one.shares is None and two.shares is None:
            one.shares, two.shares = two, one
            two.device, two.gps, two.skew_ms = one.device, one.gps, one.skew_ms
    return _Class(
        number + 1,
        117.1 + draw.random() * 0.4,
        39.0 + draw.random() * 0.3,
        draw.choice([100, 200, 300, 300, 500]),
        cellar=draw.random() < 0.15,
        way=draw.choices(["location", "class_code", "card"], [5, 4, 2])[0],
        people=people,
        operator=9_000 + number,
    )


def _person(world: _World, number: int) -> _Person:
    draw = world.draw
    gps = draw.choices(["good", "weak", "network", "rounded", "none"], [58, 20, 12, 6, 4])[0]
    # Old phones keep a wrong clock; that is no trick as long as it stays equally wrong.
    skew = draw.choices(
        [draw.gauss(0, 800), draw.gauss(0, 20_000), draw.choice([-1, 1]) * draw.uniform(1e5, 9e5)], [80, 15, 5]
    )[0]
    return _Person(number + 1, f"d{number}", gps, round(skew), draw.randint(0, 40))


def _shift(x: float, y: float, east: float, north: float) -> tuple[float, float]:
    return round(x + east / (_DEGREE_M * cos(radians(y))), 6), round(y + north / _DEGREE_M, 6)


def _fix(world: _World, one: _Class, person: _Person) -> tuple[float | None, float | None, int | None]:
    """A place as an honest phone in the classroom gives it."""
    draw = world.draw
    gps = person.gps
    if one.cellar:
        gps = draw.choices([gps, "network", "none"], [2, 5, 3])[0]
    if gps == "none" or draw.random() < 0.015:
        return None, None, None
    if person.cached is not None and draw.random() < (0.25 if gps in ("network", "rounded") else 0.02):
        return person.cached
    spread, accuracy = {
        "good": (9.0, draw.lognormvariate(2.3, 0.5)),
        "rounded": (12.0, draw.choice([5.0, 10.0, 20.0])),
        "weak": (45.0, draw.lognormvariate(4.0, 0.6)),
        "network": (220.0, draw.lognormvariate(6.0, 0.7)),
    }[gps]
    room = (one.id * 7 % 30 - 15, one.id * 13 % 30 - 15)
    x, y = _shift(one.x, one.y, room[0] + draw.gauss(0, spread), room[1] + draw.gauss(0, spread))
    person.cached = (x, y, max(3, round(accuracy)))
    return person.cached


def _row(world: _World, one: _Class, person: _Person, day: int, **given: object) -> Seen:
    """A sign-in of a trainee in his class with the phone's usual words; `given` changes it."""
    draw = world.draw
    begins = START + day * DAY_S
    at = begins - draw.triangular(-600, 1_700, 300)
    received = (
        at + draw.choices([draw.uniform(0.1, 4), draw.uniform(30, 900), draw.uniform(900, 30_000)], [94, 4, 2])[0]
    )
    x, y, accuracy = _fix(world, one, person)
    distance = _distance(one, x, y)
    row = Seen(
        id=world.next_id(),
        attendance=world.last_id,
        person=person.id,
        session=one.id * 100 + day,
        method=one.way,
        at=at,
        received=received,
        begins=begins,
        ends=begins + 3 * 3600,
        site_x=one.x,
        site_y=one.y,
        radius=one.radius,
        x=x,
        y=y,
        distance=distance,
        accuracy=accuracy,
        mock=False if draw.random() < 0.3 else None,
        device=person.device,
        phone_at=at + person.skew_ms / 1000 + draw.gauss(0, 2),
        skew_ms=person.skew_ms,
    )
    if one.way == "class_code":
        slow = draw.lognormvariate(1.8, 0.7)
        row = replace(row, code_age=round(draw.uniform(0, EVERY) * 0.7 + slow))
        if row.code_age is not None and row.code_age > EVERY + 15:
            # The page asked for another scan.
            row = replace(row, code_age=draw.randint(2, EVERY))
    if one.way == "card":
        row = replace(row, method="card", x=None, y=None, distance=None, accuracy=None, device="", phone_at=None)
        row = replace(row, skew_ms=None, operator=one.operator, received=row.at, mock=None)
    return replace(row, **given)  # pyright: ignore[reportArgumentType]


def _distance(one: _Class, x: float | None, y: float | None) -> int | None:
    if x is None or y is None:
        return None
    east, north = (x - one.x) * _DEGREE_M * cos(radians(one.y)), (y - one.y) * _DEGREE_M
    return round((east * east + north * north) ** 0.5)


def _honest(world: _World, one: _Class, person: _Person, day: int) -> Seen:
    draw = world.draw
    row = _row(world, one, person, day)
    if one.way != "card" and draw.random() < 0.004:
        # An empty battery: a classmate's phone, once.
        friend = draw.choice(one.people)
        row = replace(row, device=friend.device, skew_ms=friend.skew_ms, phone_at=row.at + friend.skew_ms / 1000)
    return row


def _counted(world: _World, one: _Class, rows: list[Seen]) -> list[Seen]:
    """Each phone counts its sign-ins in the order of time; a few have been cleared and count from one again."""
    owners = {person.device: person for person in one.people}
    numbers: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: row.at):
        if row.device:
            owner = owners[row.device]
            owner.sequence = 1 if world.draw.random() < 0.004 else owner.sequence + 1
            numbers[row.id] = owner.sequence
    return [replace(row, sequence=numbers.get(row.id)) for row in rows]


def _called(world: _World, one: _Class, day: int) -> None:
    """Some are called by the teacher: phone broken, forgot the card; now and then a reader fails for a while."""
    share = 0.4 if world.draw.random() < 0.03 else 0.02
    rows = one.rows[day]
    for place, row in enumerate(rows):
        if world.draw.random() < share:
            rows[place] = _by_hand(row, one)


def _by_hand(row: Seen, one: _Class) -> Seen:
    return replace(
        row, method="roll_call", operator=one.operator, x=None, y=None, distance=None, accuracy=None, device="",
        phone_at=None, skew_ms=None, sequence=None, code_age=None, received=row.at, mock=None,
    )  # fmt: skip


def _pick(world: _World, *ways: str, days: tuple[int, ...] = tuple(range(DAYS))) -> tuple[_Class, int, int]:
    """A class of one of these ways, a day, and the place in its list of somebody who has not attacked yet."""
    draw = world.draw
    while True:
        one, day = draw.choice(world.classes[:CLASSES]), draw.choice(days)
        place = draw.randrange(PEOPLE)
        row = one.rows[day][place]
        if one.way in ways and row.id not in world.attacks and row.method == one.way:
            return one, day, place


def _put(world: _World, kind: str, one: _Class, day: int, place: int, row: Seen) -> None:
    one.rows[day][place] = row
    world.attacks[row.id] = kind


def _away(world: _World, one: _Class, row: Seen) -> Seen:
    """Somewhere else in town, or with the place held back, or made up."""
    draw = world.draw
    how = draw.choices(["real", "none", "made_up"], [60, 28, 12])[0]
    if how == "none":
        return replace(row, x=None, y=None, distance=None, accuracy=None)
    if how == "made_up":
        return _made_up(world, one, row)
    far = draw.uniform(1_200, 15_000) * draw.choice([-1, 1])
    x, y = _shift(one.x, one.y, far, draw.gauss(0, 2_000))
    return replace(row, x=x, y=y, distance=_distance(one, x, y), accuracy=max(3, round(draw.lognormvariate(2.6, 0.7))))


def _made_up(world: _World, one: _Class, row: Seen) -> Seen:
    """A place from a mocking app: most say the registered point with an ideal accuracy, careful ones jitter."""
    draw = world.draw
    careful = draw.random() < 0.12
    x, y = _shift(one.x, one.y, *((draw.gauss(0, 6), draw.gauss(0, 6)) if careful else (0, 0)))
    accuracy = draw.choice([3, 5, 8]) if careful else draw.choice([0, 1, 1, 1, 3, 5])
    mock = True if draw.random() < 0.45 else row.mock
    return replace(row, x=x, y=y, distance=_distance(one, x, y), accuracy=accuracy, mock=mock)


def _relayed(world: _World) -> None:
    one, day, place = _pick(world, "class_code")
    row = one.rows[day][place]
    delay = world.draw.lognormvariate(2.9, 0.5) + world.draw.uniform(0, EVERY) * 0.4
    _put(world, "relayed_code", one, day, place, _away(world, one, replace(row, code_age=round(min(delay, 35)))))


def _screenshot(world: _World) -> None:
    one, day, place = _pick(world, "class_code")
    row = one.rows[day][place]
    age = round(world.draw.lognormvariate(5.2, 0.9)) + 40
    # Online the page refuses so old a code: the phone says it had no network.
    row = replace(row, code_age=age, received=row.at + world.draw.uniform(100, 4_000))
    _put(world, "screenshot", one, day, place, _away(world, one, row) if world.draw.random() < 0.7 else row)


def _spoofed(world: _World) -> None:
    """The same made-up place on several days, as the app keeps it."""
    one, _, place = _pick(world, "location")
    first = _made_up(world, one, one.rows[0][place])
    careful = first.distance is not None and first.distance > 2
    for day in range(DAYS):
        row = one.rows[day][place]
        if row.id in world.attacks or row.method != "location":
            continue
        made = _made_up(world, one, row) if careful else replace(
            row, x=first.x, y=first.y, distance=first.distance, accuracy=first.accuracy, mock=first.mock
        )  # fmt: skip
        _put(world, "spoofed", one, day, place, made)


def _shared(world: _World) -> None:
    """A classmate signs in for one to four who stayed at home, on his phone, one after the other."""
    one, day, place = _pick(world, "location", "class_code", days=(2, 3))
    friend = one.rows[day][place]
    owner = one.people[place]
    if owner.shares is not None or friend.device != owner.device:
        return
    at = friend.at
    for absent in world.draw.sample(range(PEOPLE), world.draw.choice([1, 2, 2, 3, 4])):
        row = one.rows[day][absent]
        if absent == place or row.id in world.attacks or row.method != one.way or one.people[absent].shares:
            continue
        at += world.draw.uniform(15, 60)
        owner.sequence += 1
        _put(world, "shared_device", one, day, absent, replace(
            friend, id=row.id, attendance=row.attendance, person=row.person, at=at, received=at + 1,
            phone_at=at + owner.skew_ms / 1000, sequence=owner.sequence, device=owner.device, skew_ms=owner.skew_ms,
        ))  # fmt: skip
    # Who lends his phone for that is no honest case, and no attack of his own: he is not measured.
    world.attacks.setdefault(friend.id, "accomplice")


def _teleport(world: _World) -> None:
    """Signed in here, and a quarter of an hour ago at a class that lies an hour away."""
    one, day, place = _pick(world, "location", "class_code", "card")
    row = one.rows[day][place]
    gap = world.draw.uniform(120, 900)
    far = world.draw.uniform(45_000, 180_000) * world.draw.choice([-1, 1])
    x, y = _shift(one.x, one.y, far, world.draw.gauss(0, 5_000))
    other = replace(
        row, id=world.next_id(), session=900_000 + world.last_id, begins=row.begins - 4 * 3600, ends=row.begins - 900,
        at=row.at - gap, received=row.at - gap + 1, site_x=x, site_y=y, x=x if row.x is not None else None,
        y=y if row.x is not None else None, distance=5, sequence=None,
    )  # fmt: skip
    elsewhere = _Class(10_000 + world.last_id, x, y, 300, cellar=False, way=one.way, people=[], operator=0)
    elsewhere.rows[day] = [other]
    world.classes.append(elsewhere)
    world.attacks[other.id] = world.attacks[row.id] = "teleport"


def _replay(world: _World) -> None:
    """Yesterday's recorded sign-in, sent again today."""
    one, day, place = _pick(world, "location", days=(1, 2, 3))
    row, before = one.rows[day][place], one.rows[day - 1][place]
    if before.method != "location" or one.people[place].shares:
        return
    phone_at = before.phone_at if world.draw.random() < 0.5 or before.phone_at is None else row.phone_at
    _put(world, "replay", one, day, place, replace(
        row, x=before.x, y=before.y, distance=before.distance, accuracy=before.accuracy, sequence=before.sequence,
        phone_at=phone_at, skew_ms=before.skew_ms, device=before.device,
    ))  # fmt: skip


def _clock(world: _World) -> None:
    """The page opened in time, the phone's clock put back by five minutes and more before pressing, late in the morning."""
    one, day, place = _pick(world, "location", "class_code")
    row = one.rows[day][place]
    moved = world.draw.choice([-1, -1, -1, 1]) * world.draw.uniform(240, 3_600)
    _put(world, "clock", one, day, place, replace(
        row, phone_at=row.at + (row.skew_ms or 0) / 1000 + moved, received=row.at + world.draw.uniform(60, 1_200),
    ))  # fmt: skip


def _two_classes(world: _World) -> None:
    one, day, place = _pick(world, "location", "class_code", "card")
    row = one.rows[day][place]
    other = replace(
        row,
        id=world.next_id(),
        session=900_000 + world.last_id,
        at=row.at + world.draw.uniform(-900, 900),
        sequence=None,
    )
    elsewhere = _Class(10_000 + world.last_id, one.x, one.y, 300, cellar=False, way=one.way, people=[], operator=0)
    elsewhere.rows[day] = [other]
    world.classes.append(elsewhere)
    world.attacks[other.id] = world.attacks[row.id] = "two_classes"


def _teacher(world: _World) -> None:
    """The teacher's own phone, account or stack of cards for most of a class."""
    draw = world.draw
    one, day, _ = _pick(world, "location", "class_code", "card")
    how = "cards" if one.way == "card" else draw.choice(["phone", "roll_call"])
    at = START + day * DAY_S + draw.uniform(-300, 300)
    for place in draw.sample(range(PEOPLE), draw.randint(21, 29)):
        row = one.rows[day][place]
        if row.id in world.attacks:
            continue
        at += draw.uniform(0.6, 1.6) if how == "cards" else draw.uniform(3, 25)
        if how == "roll_call":
            made = _by_hand(replace(row, at=at), one)
        elif how == "cards":
            made = replace(row, at=at, received=at, method="card", operator=one.operator)
        else:
            made = replace(row, at=at, received=at + 1, device=f"t{one.id}", phone_at=at, skew_ms=0, sequence=place + 1)
        _put(world, "teacher_proxy", one, day, place, made)


_ATTACKS: dict[str, Callable[[_World], None]] = {
    "relayed_code": _relayed,
    "screenshot": _screenshot,
    "spoofed": _spoofed,
    "shared_device": _shared,
    "teleport": _teleport,
    "replay": _replay,
    "clock": _clock,
    "two_classes": _two_classes,
    "teacher_proxy": _teacher,
}
_TIMES = {
    "relayed_code": 30,
    "screenshot": 30,
    "spoofed": 10,
    "shared_device": 18,
    "teleport": 15,
    "replay": 35,
    "clock": 30,
    "two_classes": 15,
    "teacher_proxy": 2,
}
