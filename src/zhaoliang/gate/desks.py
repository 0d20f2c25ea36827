"""The hot acts: each reads a request, and runs groups of them through one SQL function with keys, audit and answers."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

import asyncpg
import msgspec

from zhaoliang.api.auth import Partner as ApiPartner
from zhaoliang.attendance import passes as attendance_passes
from zhaoliang.attendance import signer
from zhaoliang.attendance.phone import phone_of
from zhaoliang.attendance.services import code_facts, device_hash, distance_m, not_yet_open
from zhaoliang.attendance.states import ATTENDANCE
from zhaoliang.gate.answers import Answer, encoded, kept_refusal, refused, replayed
from zhaoliang.gate.batching import Again, busy
from zhaoliang.gate.standing import Standings
from zhaoliang.kernel import tokens
from zhaoliang.kernel.acts import plain_hash
from zhaoliang.kernel.errors import BadInput, KeyReused, NotFound, Refusal
from zhaoliang.kernel.geo import Datum, wgs84_degrees
from zhaoliang.kernel.identifiers.voucher_code import new_code
from zhaoliang.registry.standing import Barred
from zhaoliang.vouchers import passes as voucher_passes
from zhaoliang.vouchers import refusals
from zhaoliang.vouchers.qr import is_qr
from zhaoliang.vouchers.services.checks import Given, read_given, seconds_until, worth

Settled = Answer | Again
# Unix seconds of this century.
Moment = Annotated[int, msgspec.Meta(ge=946_684_800, le=4_102_444_800)]
CityCode = Annotated[int, msgspec.Meta(ge=100_000, le=999_999)]


class Partner(msgspec.Struct, frozen=True):
    """A partner system behind a key with the scope, as the gate needs it."""

    user_id: int
    name: str
    city_code: int
    region_code: int
    organisation_id: int | None
    api: ApiPartner


class ClaimIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/claim."""

    city_code: CityCode
    batch_id: str
    declared: bool


class UseIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/use."""

    city_code: CityCode
    voucher_id: str
    class_id: str


class VerifyIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/verify: a code as typed, or a QR token as scanned."""

    code: str


class SignInIn(msgspec.Struct, forbid_unknown_fields=True):
    """The body of /gate/sign-in: degrees as text in `datum` (stored as WGS84), when the phone signed (unix seconds) if it was
    offline, the class code if one was scanned, what the phone says of itself (attendance/phone.py), its signature under these
    words where its pass names its key (attendance/signer.py), and the result of an outside face check where the installation
    takes one (attendance/face.py): it changes nothing about the sign-in.
    """

    attendance_id: str
    longitude: str | None = None
    latitude: str | None = None
    datum: Datum = "wgs84"
    signed_at: Moment | None = None
    code: str = ""
    phone: dict[str, float | bool | str | None] = {}
    signature: str = ""
    face: str = ""


class Item(msgspec.Struct):
    """One request waiting for its group; `given` are its columns in the order of the SQL function's arrays, or of its row."""

    lane: Any
    asker: str
    given: Sequence[Any]
    user_id: int
    key: str = ""
    extra: Any = None
    # Whether a person asks; else an institution, which may ask more often.
    person: bool = True


def number(text: str) -> int:
    """An id, sent as text because it does not fit a float. Raises BadInput."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise BadInput("没有执行：请求内容不对。", "编号应为数字。", "请按接口文档改正后重发。")
    return int(text)


def _degrees(text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        value = Decimal(text[:20]).quantize(Decimal("0.000001"))
        if not -180 <= value <= 180:
            raise ArithmeticError
    except ArithmeticError:
        raise BadInput("签到没有成功。", "定位的经纬度不对。", "请打开定位后重试。") from None
    return value


def read_claim(bearer: str, body: ClaimIn, key: str, at: datetime) -> Item:
    """A claim under its pass. Raises what `tokens.read` raises, NotDeclared, WrongToken."""
    held = tokens.read(bearer, voucher_passes.CLAIM, at)
    if not body.declared:
        raise refusals.not_declared()
    if (body.city_code, number(body.batch_id)) != (held["c"], held["b"]):
        raise tokens.WrongToken("没有领取。", "凭据是为另一批培训券签发的。", "请从这批培训券的页面重新进入。")
    arguments: dict[str, Any] = {
        "person": ["registry.Person", held["c"], str(held["p"])],
        "batch": ["vouchers.VoucherBatch", held["c"], body.batch_id],
        "declared": True,
    }
    if held["h"] != "page":
        arguments["channel"] = held["h"]
    given = [held["p"], str(new_code(held["c"])), held["x"], held["u"], held["n"], key, plain_hash(arguments)]
    return Item(
        (held["c"], held["b"], held["h"]), f"user:{held['u']}", given, held["u"], key, person=held["h"] == "page"
    )


def read_use(bearer: str, body: UseIn, key: str, at: datetime) -> Item:
    """A use by the voucher's holder. Raises what `tokens.read` raises."""
    held = tokens.read(bearer, voucher_passes.HOLDER, at)
    voucher_id, class_id = number(body.voucher_id), number(body.class_id)
    arguments = {"voucher": ["vouchers.Voucher", body.city_code, str(voucher_id)], "class_id": class_id}
    given = [voucher_id, class_id, held["p"], held["u"], held["n"], key, plain_hash(arguments)]
    return Item(body.city_code, f"user:{held['u']}", given, held["u"], key)


def read_sign_in(bearer: str, body: SignInIn, key: str, at: datetime) -> Item:
    """A sign-in by location or class code under its pass. Raises what `tokens.read` raises, WrongToken, StaleCode,
    WrongSignature, BadInput.
    """
    held = tokens.read(bearer, attendance_passes.SIGN_IN, at)
    if number(body.attendance_id) != held["a"]:
        raise tokens.WrongToken("没有签到。", "凭据是为另一次课签发的。", "请回到“上课”页面重新进入。")
    longitude, latitude = _degrees(body.longitude), _degrees(body.latitude)
    if body.datum != "wgs84" and longitude is not None and latitude is not None:
        longitude, latitude = wgs84_degrees(longitude, latitude, body.datum)
    signed_at = datetime.fromtimestamp(body.signed_at, tz=UTC) if body.signed_at is not None else None
    moment = min(signed_at, at) if signed_at is not None else at
    said, method = phone_of(body.phone), "class_code" if body.code else "location"
    facts: dict[str, Any] = said.facts() if body.phone else {}
    if "h" in held:
        facts["late_permille"] = held["h"]
    if body.code:
        facts |= code_facts(held["c"], held["q"], held["r"], body.code[:400], moment=moment, at=at)
    # Asked here too, so that what comes at once does not even put the words together.
    if body.signed_at is not None and "v" in held and at - moment > signer.AT_ONCE:
        said_then = signer.Said(
            body.attendance_id, key, body.signed_at, body.longitude, body.latitude, body.datum, body.code
        )
        facts |= signer.facts(held, said_then, body.signature, moment=moment, at=at)
    # The same words in the same order as the page gives to the act, so that a key tried here and there is one key.
    arguments = {
        "attendance": ["attendance.Attendance", held["c"], str(held["a"])],
        "method": method,
        "longitude": str(longitude) if longitude is not None else None,
        "latitude": str(latitude) if latitude is not None else None,
        "device": held["d"],
        "signed_at": str(signed_at) if signed_at is not None else None,
        "phone": vars(said),
        "code": body.code,
    }
    site_longitude, site_latitude, radius = held["s"]
    x, y = (float(longitude), float(latitude)) if longitude is not None and latitude is not None else (None, None)
    # Of the type sign_in_asked. Floats keep six decimals of a degree and the microseconds of a moment; nobody gives a reason here.
    given = (
        held["a"],
        method,
        moment.timestamp(),
        held["o"],
        held["l"],
        held["x"],
        x,
        y,
        distance_m(float(site_longitude), float(site_latitude), x, y),
        radius,
        device_hash(held["d"]),
        held["u"],
        held["n"],
        "",
        encoded(facts).decode() if facts else None,
        held["g"],
        key,
        plain_hash(arguments),
    )
    return Item(held["c"], f"user:{held['u']}", given, held["u"], key, (held["b"], held["o"]))


def read_verify(partner: Partner, body: VerifyIn, at: datetime) -> Item:
    """A verification in the name of the partner's organisation. Raises NotFound without one."""
    if partner.organisation_id is None:
        raise NotFound("没有验券。", "密钥的账号没有所属机构。", "请联系发放密钥的人社部门。")
    given = read_given(body.code, at)
    method = "scanned" if is_qr(body.code) else "api"
    lane = (partner.city_code, partner.region_code, partner.organisation_id, partner.user_id, partner.name)
    return Item(
        lane, f"user:{partner.user_id}", [given.asked, given.known, method, given.shown], partner.user_id, extra=given
    )


class Keyed:
    """A desk whose calls carry idempotency keys: `sql` gives one row for each call, with state, answer, body and kept."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        act: str,
        sql: str,
        page_body: str,
        refusal: RefusalOf,
        more: More | None = None,
        arrays: Arrays | None = None,
    ) -> None:
        self.pool, self.act, self.sql, self.page_body, self.refusal = pool, act, sql, page_body, refusal
        self.more, self.arrays = more, arrays or _as_columns

    async def __call__(self, lane: Any, items: Sequence[Item]) -> list[Settled]:
        """Answer a group."""
        scope = list(lane) if isinstance(lane, tuple) else [lane]
        city_code = scope[0]
        arrays = self.arrays(items)
        more = [await self.more(city_code)] if self.more is not None else []
        async with self.pool.acquire() as connection:
            await connection.count_group()
            rows = await connection.fetch(self.sql, *scope, *arrays, datetime.now(UTC), *more)
            settled: list[Settled | None] = [None] * len(items)
            keep: list[tuple[int, Refusal]] = []
            for row in rows:
                place = row["place"] - 1
                if row["state"] == "reused":
                    settled[place] = refused(_reused())
                elif row["state"] == "replay":
                    settled[place] = await self._replay(connection, city_code, row["kept"])
                elif row["body"] is not None:
                    settled[place] = Answer(200, row["body"].encode())
                elif row["answer"] == "again":
                    settled[place] = Again()
                else:
                    refusal = await self.refusal(connection, scope, items[place], row)
                    if refusal.decided:
                        keep.append((place, refusal))
                    else:
                        settled[place] = refused(refusal)
            if keep:
                kept = await self._kept(connection, city_code, [(items[place], refusal) for place, refusal in keep])
                for (place, _), answer in zip(keep, kept, strict=True):
                    settled[place] = answer
        return [one if one is not None else Again() for one in settled]

    async def refuse(self, city_code: int, items: Sequence[tuple[Item, Refusal]]) -> list[Settled]:
        """Answer calls that are refused without being tried: by their keys, as any other."""
        async with self.pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                "SELECT place, state, answer FROM hold_keys($1, $2, $3, $4, $5, $6)",
                city_code,
                self.act,
                [f"user:{item.user_id}" for item, _ in items],
                [item.key for item, _ in items],
                [item.given[-1] for item, _ in items],
                datetime.now(UTC),
            )
            settled: dict[int, Settled] = {}
            for row in rows:
                if row["state"] == "reused":
                    settled[row["place"] - 1] = refused(_reused())
                elif row["state"] == "replay":
                    settled[row["place"] - 1] = await self._replay(connection, city_code, row["answer"])
            fresh = [place for place in range(len(items)) if place not in settled]
            if fresh:
                answers = await self._kept(connection, city_code, [items[place] for place in fresh])
                settled |= zip(fresh, answers, strict=True)
        return [settled[place] for place in range(len(items))]

    async def _kept(self, connection: Any, city_code: int, items: Sequence[tuple[Item, Refusal]]) -> list[Settled]:
        """What stands under the keys of refused calls from now on: another call may have been faster."""
        rows = await connection.fetch(
            "SELECT place, answer FROM keep_answers($1, $2, $3, $4, $5) ORDER BY place",
            city_code,
            self.act,
            [f"user:{item.user_id}" for item, _ in items],
            [item.key for item, _ in items],
            [kept_refusal(refusal) for _, refusal in items],
        )
        return [await self._replay(connection, city_code, row["answer"]) for row in rows]

    async def _replay(self, connection: Any, city_code: int, kept: dict[str, Any]) -> Answer:
        answer = replayed(kept)
        if answer is None:
            answer = Answer(200, (await connection.fetchval(self.page_body, city_code, kept["pk"])).encode())
        return answer


def _reused() -> KeyReused:
    return KeyReused("这次提交没有执行。", "同一个提交码上次用在了别的内容上。", "请换一个提交码，核对后重新提交。")


def _as_columns(items: Sequence[Item]) -> list[list[Any]]:
    """An array for each column."""
    return [list(column) for column in zip(*(item.given for item in items), strict=True)]


def _as_rows(items: Sequence[Item]) -> list[list[Any]]:
    """One array of rows: a third of what as many columns cost to write for the wire."""
    return [[item.given for item in items]]


# How a group's requests are given to its statement.
Arrays = Callable[[Sequence[Item]], list[list[Any]]]
RefusalOf = Callable[[Any, list[Any], Item, Any], Any]
# What else a city's statement is told.
More = Callable[[int], Awaitable[list[int]]]


async def _claim_refusal(connection: Any, scope: list[Any], item: Item, row: Any) -> Refusal:
    batch = await connection.fetchrow(
        "SELECT state, quota, claim_from, claim_until FROM voucher_batch WHERE city_code = $1 AND id = $2", *scope[:2]
    )
    if batch is None:
        return NotFound("没有领取。", "没有这批培训券。", "请看看其他正在发放的培训券。")
    return refusals.not_claimed(row["answer"], **dict(batch))


async def _use_refusal(connection: Any, scope: list[Any], item: Item, row: Any) -> Refusal:
    if row["answer"] == "no_class":
        return NotFound("没有使用。", "没有这个开班前的班级。", "请核对班级后再用券。")
    return refusals.not_used(
        row["answer"],
        state=row["voucher_state"],
        used_at=row["used_at"],
        here=row["used_by"] == row["provider_id"],
        use_until=row["use_until"],
        project_name=row["project_name"],
    )


async def _sign_in_refusal(connection: Any, scope: list[Any], item: Item, row: Any) -> Refusal:
    if row["answer"] == "early":
        return not_yet_open(*(datetime.fromtimestamp(moment, tz=UTC) for moment in item.extra))
    if row["answer"] == "wrong_state":
        return ATTENDANCE.refusal(row["attendance_state"], "sign_in")
    return NotFound("没有签到。", "没有这次课。", "课表可能改了，请回到“上课”刷新后再签到。")


def claims(pool: asyncpg.Pool) -> Keyed:
    """The desk of /gate/claim; lanes are (city, batch, channel)."""
    sql = (
        "SELECT place, state, answer, body, kept FROM claim_through_gate("
        "$1, $2, $4::bigint[], $5::text[], $3, $6::text[], $7::bigint[], $8::text[], $9::text[], $10::bytea[], $11)"
    )
    page_body = (
        'SELECT format(\'{"city_code":%s,"id":"%s","code":"%s","state":"claimed","amount_fen":%s,"use_until":"%s"}\','
        " v.city_code, v.id, v.code, v.amount_fen,"
        " to_char(b.use_until AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"
        " FROM voucher v JOIN voucher_batch b ON b.city_code = v.city_code AND b.id = v.batch_id"
        " WHERE v.city_code = $1 AND v.id = $2"
    )
    return Keyed(pool, "vouchers.claim", sql, page_body, _claim_refusal)


def uses(pool: asyncpg.Pool, standings: Standings) -> Keyed:
    """The desk of /gate/use; lanes are cities."""

    async def barred(city_code: int) -> list[int]:
        return await standings.barred(city_code, time.monotonic())

    async def refusal(connection: Any, scope: list[Any], item: Item, row: Any) -> Refusal:
        if row["answer"] == "barred":
            try:
                await standings.require(scope[0], row["provider_id"], time.monotonic())
            except Barred as found:
                return found
            # Lifted within the seconds that standings are remembered.
            return busy()
        return await _use_refusal(connection, scope, item, row)

    sql = (
        "SELECT place, state, answer, body, kept, voucher_state, used_at, used_by, provider_id, use_until, project_name"
        " FROM use_through_gate($1, $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[],"
        " $8::bytea[], $9, $10::bigint[])"
    )
    page_body = (
        'SELECT format(\'{"city_code":%s,"id":"%s","state":"used","class_id":"%s","used_at":"%s"}\', city_code, id,'
        " class_id, to_char(used_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'))"
        " FROM voucher WHERE city_code = $1 AND id = $2"
    )
    return Keyed(pool, "vouchers.use", sql, page_body, refusal, barred)


def sign_ins(pool: asyncpg.Pool) -> Keyed:
    """The desk of /gate/sign-in; lanes are cities."""
    sql = "SELECT place, state, answer, body, kept, attendance_state FROM sign_in_group($1, $2::sign_in_asked[], $3)"
    page_body = (
        'SELECT format(\'{"city_code":%s,"attendance_id":"%s","state":"%s","signed_at":"%s","flags":%s}\', city_code, id,'
        " state, to_char(signed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), flags)"
        " FROM attendance WHERE city_code = $1 AND id = $2"
    )
    return Keyed(pool, "attendance.sign_in", sql, page_body, _sign_in_refusal, arrays=_as_rows)


class Verifications:
    """The desk of /gate/verify; lanes are askers, one group of each at a time."""

    # The audit event goes into the statement of the effect, as the acts do it in their transaction.
    sql = (
        "WITH done AS MATERIALIZED (SELECT * FROM verify_vouchers($1, $3, $4, $5, $6::text[], $7::text[], $8::text[], $10,"
        " $9::timestamptz[])),"
        " logged AS (INSERT INTO audit_event (city_code, at, act, region_code, actor_user_id, actor_name, object_type,"
        " detail) SELECT $1, $10, 'vouchers.verify', $2, $4, $5, 'Place', '{\"through\": \"gate\"}' FROM done"
        " WHERE answer <> 'too_many')"
        " SELECT place, answer, state, use_until, used_at, project_name, retry_at, ended_at, used_where FROM done ORDER BY place"
    )

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.pool = pool

    async def __call__(self, lane: Any, items: Sequence[Item]) -> list[Settled]:
        """Answer a group."""
        at = datetime.now(UTC)
        async with self.pool.acquire() as connection:
            await connection.count_group()
            rows = await connection.fetch(self.sql, *lane, *_as_columns(items), at)
        return [self._answer(row, item.extra, at) for row, item in zip(rows, items, strict=True)]

    @staticmethod
    def _answer(row: Any, given: Given, at: datetime) -> Answer:
        if row["answer"] == "too_many":
            return refused(refusals.too_many_tries(seconds_until(row["retry_at"], at)))
        says, good_for = worth(
            row["answer"],
            problem=given.problem,
            state=row["state"],
            use_until=row["use_until"],
            used_at=row["used_at"],
            project_name=row["project_name"],
            here=True,
            ended_at=row["ended_at"],
            used_where=row["used_where"],
        )
        return Answer(200, encoded({"answer": row["answer"], "says": says, "good_for": good_for}))
