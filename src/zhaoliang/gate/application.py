"""The gate as granian serves it: routes, authentication, limits, health, metrics, and an orderly end."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

import asyncpg
import msgspec
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from zhaoliang.gate import desks, store
from zhaoliang.gate.answers import Answer, encoded, refused
from zhaoliang.gate.batching import TROUBLE, Batcher, busy
from zhaoliang.gate.documents import GROUP, DocumentClaims, PartnerClaimIn, read_claim
from zhaoliang.gate.faces import Faces
from zhaoliang.gate.institutions import Institutions, PartnerUseIn
from zhaoliang.gate.limits import Buckets
from zhaoliang.gate.partners import Partners
from zhaoliang.gate.standing import Standings
from zhaoliang.gate.tally import Tally
from zhaoliang.gate.threads import DatabaseAway
from zhaoliang.kernel.errors import BadInput, NotFound, Refusal
from zhaoliang.kernel.jobs.reporting import KEY_PREFIX
from zhaoliang.kernel.tokens import WrongToken
from zhaoliang.registry.services.partners import PREFIX

JSON = ("content-type", "application/json; charset=utf-8")
MAX_BODY = 4_096
BODY_SECONDS = 5
# The pages' own origins, when the gate is on another port than they are.
ORIGINS = frozenset(one for one in os.environ.get("ZHAOLIANG_GATE_ORIGINS", "").split(",") if one)
PREFLIGHT = [
    ("access-control-allow-methods", "POST"),
    ("access-control-allow-headers", "authorization, content-type, idempotency-key"),
    ("access-control-max-age", "600"),
]
WAITING = int(os.environ.get("ZHAOLIANG_GATE_QUEUE", "4000"))
# Where the policies are asked, and acts of partners and face results, which run one by one in threads, fewer may wait, so that
# each is answered before its caller gives up.
PARTNERS_WAITING = WAITING // 20
# Not an address: partners' claims come to /gate/claim too.
BY_DOCUMENT = "claims by document"
log = structlog.get_logger("gate")


class Gate:
    """One process: its pool, its desks with their queues, its counters."""

    def __init__(self) -> None:
        self.stopping = False
        self.busy = 0
        # A person presses a button; a card platform speaks for a city. One system takes no more than half of its institution's.
        self.people = Buckets(rate=2, burst=30)
        self.systems = Buckets(rate=5_000, burst=10_000)
        self.institutions = Buckets(rate=10_000, burst=20_000)
        self.partners = Partners()
        self.standings = Standings()
        self.partner_acts = Institutions(waiting=PARTNERS_WAITING)
        self.faces = Faces(waiting=PARTNERS_WAITING)
        self.registry = CollectorRegistry()
        self.tally = Tally(lambda: sum(batcher.waiting for batcher in self.batchers.values()))
        self.batchers: dict[str, Batcher] = {}
        self.readers: dict[str, tuple[msgspec.json.Decoder[Any], Callable[..., desks.Item]]] = {
            "/gate/claim": (msgspec.json.Decoder(desks.ClaimIn), desks.read_claim),
            "/gate/use": (msgspec.json.Decoder(desks.UseIn), desks.read_use),
            "/gate/sign-in": (msgspec.json.Decoder(desks.SignInIn), desks.read_sign_in),
        }
        self.verify_in = msgspec.json.Decoder(desks.VerifyIn)
        self.partner_claim_in = msgspec.json.Decoder(PartnerClaimIn)
        self.partner_use_in = msgspec.json.Decoder(PartnerUseIn)
        # Last: a registry asks for the metrics at once, to know their names.
        self.registry.register(self.tally)
        self.pool: asyncpg.Pool | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._open())

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.run_until_complete(self._close())

    async def _open(self) -> None:
        pool = self.pool = await store.open_pool()
        self.batchers = {
            "/gate/claim": Batcher(desks.claims(pool), waiting=WAITING),
            "/gate/use": Batcher(desks.uses(pool, self.standings), waiting=WAITING),
            "/gate/sign-in": Batcher(desks.sign_ins(pool), waiting=WAITING),
            "/gate/verify": Batcher(desks.Verifications(pool), waiting=WAITING, in_flight=1),
            BY_DOCUMENT: Batcher(DocumentClaims(pool), waiting=PARTNERS_WAITING, group=GROUP),
        }

    async def _close(self) -> None:
        self.stopping = True
        for batcher in self.batchers.values():
            await batcher.idle()
        if self.pool is not None:
            await self.pool.close()

    async def __rsgi__(self, scope: Any, protocol: Any) -> None:
        """One request."""
        path = scope.path
        if path not in self.batchers:
            await self._other(path, protocol)
            return
        shared = _shared(scope)
        if scope.method == "OPTIONS" and shared:
            protocol.response_empty(204, [*shared, *PREFLIGHT])
            return
        began = time.perf_counter()
        try:
            answer = await self._answer(path, scope, protocol)
        except Refusal as refusal:
            answer = refused(refusal)
        except DatabaseAway:
            answer = refused(busy())
        except Exception as error:
            # Only the kind: the message of a database error may hold what people sent.
            log.error("gate_fault", route=path, kind=type(error).__name__)
            answer = Answer(500, encoded(Refusal("没有执行：系统出错。", "", "请稍后用同一个提交码重试。").as_dict()))
        self.tally.count(path, answer.status, time.perf_counter() - began)
        headers = [JSON, ("cache-control", "no-store"), *shared]
        if answer.retry_after:
            headers.append(("retry-after", str(answer.retry_after)))
        protocol.response_bytes(answer.status, headers, answer.body)

    async def _answer(self, path: str, scope: Any, protocol: Any) -> Answer:
        if scope.method != "POST":
            return Answer(405, encoded(NotFound("没有执行。", "这个地址只接受 POST。", "请按接口文档重发。").as_dict()))
        if self.stopping:
            raise busy()
        headers = scope.headers
        body = await _body(headers, protocol)
        scheme, _, bearer = (headers.get("authorization") or "").partition(" ")
        if scheme.lower() != "bearer":
            bearer = ""
        now, at = time.monotonic(), datetime.now(UTC)
        batcher = self.batchers[path]
        if path == "/gate/verify":
            partner = await self._partner(bearer, "vouchers.verify", now)
            await self.standings.require(partner.city_code, partner.organisation_id, now)
            item = desks.read_verify(partner, self._decoded(self.verify_in, body), at)
            return await batcher.ask(item.lane, item)
        key = headers.get("idempotency-key") or ""
        if bearer.startswith(PREFIX):
            return await self._for_partner(path, bearer, body, key, at, now)
        decoder, read = self.readers[path]
        said = self._decoded(decoder, body)
        item = read(bearer, said, key, at)
        _check_key(key)
        (self.people if item.person else self.systems).take(item.asker, now)
        answer = await batcher.ask(item.lane, item)
        if isinstance(said, desks.SignInIn) and said.face and answer.status == 200:
            return await self.faces.attach(answer, item, said.face, at)
        return answer

    async def _for_partner(self, path: str, bearer: str, body: bytes, key: str, at: datetime, now: float) -> Answer:
        """A partner's own claim or use."""
        if path == "/gate/sign-in":
            raise WrongToken("没有签到。", "签到要学员本人的凭据。", "读卡设备请用开放接口签到。")
        partner = await self._partner(bearer, "vouchers.claim" if path == "/gate/claim" else "vouchers.use", now)
        _check_key(key)
        if path == "/gate/claim":
            item = read_claim(partner, self._decoded(self.partner_claim_in, body), key)
            return await self.batchers[BY_DOCUMENT].ask(item.lane, item)
        return await self.partner_acts.use(partner, self._decoded(self.partner_use_in, body), key, at)

    async def _partner(self, bearer: str, scope: str, now: float) -> desks.Partner:
        partner = await self.partners.of(bearer, scope, now)
        self.systems.take(f"user:{partner.user_id}", now)
        self.institutions.take(f"organisation:{partner.city_code}:{partner.organisation_id}", now)
        return partner

    @staticmethod
    def _decoded(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
        try:
            return decoder.decode(body)
        except (msgspec.DecodeError, RecursionError):
            raise _malformed("请求内容缺少字段，或格式不对。") from None

    async def _other(self, path: str, protocol: Any) -> None:
        if path == "/gate/healthz":
            protocol.response_bytes(503 if self.stopping else 200, [JSON], b'{"status":"ok"}')
        elif path == "/gate/readyz":
            ready = await self._ready()
            status = b'{"status":"ready"}' if ready else b'{"status":"no database"}'
            protocol.response_bytes(200 if ready else 503, [JSON], status)
        elif path == "/gate/metrics":
            protocol.response_bytes(200, [("content-type", CONTENT_TYPE_LATEST)], generate_latest(self.registry))
        else:
            protocol.response_bytes(404, [JSON], encoded(NotFound("没有这个地址。").as_dict()))

    async def _ready(self) -> bool:
        if self.pool is None or self.stopping:
            return False
        try:
            return await self.pool.fetchval("SELECT 1", timeout=3) == 1
        except TROUBLE:
            return False


def _shared(scope: Any) -> list[tuple[str, str]]:
    """What lets a page of ours, and no other, read the answer across ports."""
    origin = scope.headers.get("origin")
    if origin not in ORIGINS:
        return []
    allowed = ("access-control-allow-origin", origin), ("access-control-expose-headers", "retry-after")
    return [*allowed, ("vary", "origin")]


async def _body(headers: Any, protocol: Any) -> bytes:
    """The request's body. Raises BadInput, TooSlow: neither a large nor a slow one may keep a place."""
    if (headers.get("content-type") or "").partition(";")[0].strip().lower() != "application/json":
        raise WrongKind("没有执行。", "请求内容要写成 JSON。", "请写请求头 Content-Type: application/json。")
    length = headers.get("content-length") or ""
    if not (length.isascii() and length.isdigit()):
        raise _malformed("请求头要有 Content-Length。")
    if int(length) > MAX_BODY:
        raise TooLarge("没有执行。", f"请求内容超过 {MAX_BODY} 字节。", "请按接口文档重发。")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await protocol()
    except TimeoutError:
        raise TooSlow(
            "没有执行。", f"{BODY_SECONDS} 秒内没有收到全部内容。", "请检查网络后用同一个提交码重试。"
        ) from None


class WrongKind(BadInput):
    """Not JSON."""

    code: ClassVar[str] = "not_json"
    status: ClassVar[int] = 415


class TooLarge(BadInput):
    """A body larger than any request of ours."""

    code: ClassVar[str] = "too_large"
    status: ClassVar[int] = 413


class TooSlow(BadInput):
    """A body that does not arrive."""

    code: ClassVar[str] = "too_slow"
    status: ClassVar[int] = 408


def _check_key(key: str) -> None:
    if not (8 <= len(key) <= 64 and key.isascii() and key.isprintable()):
        raise _malformed("请求头要有 8 到 64 个字符的 Idempotency-Key。")
    if key.startswith(KEY_PREFIX):
        raise _malformed(f"Idempotency-Key 不能以“{KEY_PREFIX}”开头：这样的提交码是后台任务用的。")


def _malformed(why: str) -> BadInput:
    return BadInput("没有执行：请求内容不对。", why, "请按接口文档改正后重发。")
