"""A phone in Chromium with the real gate: from finding a training to standing on the teacher's board, on a slow network, with a
mocked position only; and what it keeps and sends once when network, gate or room on the phone are gone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.conf import settings as django_settings
from django.contrib.staticfiles.finders import find
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.urls import reverse
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect
from pytest_django.live_server_helper import LiveServer

from browser import SLOW_3G, emulate, faults_here, wait_until_kept
from factories import classes, registry, vouchers
from factories.attendance import running
from gate.running import RunningGate
from phones import page_of, phone_at_site
from zhaoliang.attendance import classcode, selectors
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import ClassSession, TrainingClass
from zhaoliang.kernel.days import chinese_day
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.kernel.roles import Role
from zhaoliang.registry.models import Person, User
from zhaoliang.vouchers.models import Voucher, VoucherBatch

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.mission("C2", "C3", "C6", "D4", "N2"),
]

FIRST_LOAD_BYTES = 150_000
# An answer over slow 3G takes four trips of 400 ms, on a busy machine much longer.
PATIENCE_MS = 30_000
# The phone's memory as the release before made it, with somebody's sign-in in it; and the keys of all that stand there now.
FILL_MEMORY_OF_BEFORE = """() => new Promise((done, failed) => {
  const asked = indexedDB.open("zhaoliang", 1);
  asked.onupgradeneeded = () => {
    const somebodys = { key: "before", account: "somebody", fields: { sequence: "1" }, title: "", refused: "没有受理" };
    asked.result.createObjectStore("sign-ins").put(somebodys, "before");
    asked.result.createObjectStore("passes");
  };
  asked.onsuccess = () => { asked.result.close(); done(true); };
  asked.onerror = failed;
})"""
# As a page of the release before, kept on the phone with its script, opens it.
KEPT_SIGN_INS = """() => new Promise((done, failed) => {
  const asked = indexedDB.open("zhaoliang", 1);
  asked.onsuccess = () => {
    const found = asked.result.transaction("sign-ins").objectStore("sign-ins").getAllKeys();
    found.onsuccess = () => { asked.result.close(); done(found.result); };
  };
  asked.onerror = failed;
})"""


@pytest.fixture
def beside(live_server: LiveServer, database_url: str, settings: Any) -> Iterator[RunningGate]:
    """A gate on a port of its own that answers these pages only."""
    gate = RunningGate(database_url, ZHAOLIANG_GATE_ORIGINS=live_server.url)
    settings.GATE_PORT = gate.port
    gate.start()
    try:
        yield gate
    finally:
        gate.stop()


Phone = Callable[[User], Page]


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer, now: datetime) -> Iterator[Phone]:
    """A phone of its own for each who is signed in, at the site, seen by the identity service just now."""
    contexts: list[BrowserContext] = []

    def made(user: User) -> Page:
        contexts.append(phone_at_site(browser, live_server.url))
        return page_of(contexts[-1], live_server.url, user, seen_at=now)

    yield made
    for context in contexts:
        context.close()


def worker(person: Person) -> User:
    return registry.user(Role.WORKER, person=person)


def going_on(made: TrainingClass, now: datetime) -> dict[int, Attendance]:
    """What is expected of each trainee, by person, in a session that begins in ten minutes by the real clock."""
    rows = Attendance.objects.filter(city_code=made.city_code, session__training_class=made)
    first = rows.earliest("period", "id").session_id
    period = DateTimeTZRange(now + timedelta(minutes=10), now + timedelta(minutes=190))
    ClassSession.objects.filter(city_code=made.city_code, pk=first).update(period=period)
    rows.filter(session=first).update(period=period)
    return {row.person_id: row for row in rows.filter(session=first).select_related("session", "person")}


def through(act: str, city_code: int, pk: int) -> list[str]:
    """By which way each doing of an act came."""
    events = AuditEvent.objects.filter(city_code=city_code, act=act, object_id=pk)
    return [(event.detail or {}).get("through", "page") for event in events]


def signed_through(attendance: Attendance) -> list[str]:
    return through("attendance.sign_in", attendance.city_code, attendance.pk)


def weigh(page: Page) -> tuple[list[int], Callable[[], None]]:
    """The bytes of each answer from now on, and what ends the weighing.

    The test's server sends built files as they are; the platform's sends the compressed ones beside them.
    """
    weight: list[int] = []

    def add(response: Response) -> None:
        path = unquote(urlsplit(response.url).path).removeprefix(django_settings.STATIC_URL)
        packed = find(f"{path}.gz") if path.startswith("dist/") else None
        weight.append(Path(packed).stat().st_size if packed else int(response.headers["content-length"]))

    page.on("response", add)
    return weight, lambda: page.remove_listener("response", add)


def claim(page: Page) -> None:
    page.get_by_label("我已阅读上面的承诺").check()
    # Whoever is impatient on a slow network taps again.
    page.get_by_role("button", name="确认承诺并领券").dblclick()


def claimed(batch: VoucherBatch, person: Person) -> tuple[Voucher, list[str]]:
    found = Voucher.objects.get(city_code=batch.city_code, batch=batch, person=person)
    return found, through("vouchers.claim", found.city_code, found.pk)


def test_from_finding_to_the_teachers_board_and_without_network_or_gate_all_the_same(
    beside: RunningGate, phone: Phone, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A Monday in China: in the evening of Greenwich it is the next day there.
    today = chinese_day(now)
    start = today + timedelta(days=21 - today.weekday())
    made = classes.accepted(classes.draft(start=start), people=2)
    one = registry.person(at=now)
    page = phone(worker(one))
    held = _finds_claims_and_shows(page, vouchers.batch(made.project, at=now), one)
    _uses(page, held, made)
    classes.enrol(made, one, voucher=held, at=now)
    expected = going_on(running(made, at=classes.moment(start, 7)), now)
    _signs_in(page, expected.pop(one.pk))
    board = phone(registry.user(Role.PROVIDER, organisation=made.provider, city_code=made.city_code))
    _stands_on_the_board(board, made, one, now)
    two, three = expected.values()
    _signs_in_without_network(phone(worker(two.person)), two, now, monkeypatch)
    short = vouchers.batch(quota=1, at=now)
    page = phone(worker(three.person))
    page.goto(f"/my/find/{short.city_code}/{short.pk}/")
    vouchers.voucher(short, person=one, at=now)
    claim(page)
    expect(page.get_by_role("alert")).to_contain_text("没有领到")
    _by_the_pages_own_server(page, beside, vouchers.batch(at=now), three)


def _finds_claims_and_shows(page: Page, batch: VoucherBatch, person: Person) -> Voucher:
    weight, weighed = weigh(page)
    page.goto("/my/find/")
    page.wait_for_load_state("networkidle")
    weighed()
    assert sum(weight) < FIRST_LOAD_BYTES
    assert faults_here(page) == []
    emulate(page, SLOW_3G)
    assert batch.project is not None
    page.get_by_role("link", name=batch.project.name).click()
    page.wait_for_url("**/my/find/*/*/")
    assert faults_here(page) == []
    claim(page)
    expect(page.get_by_text("领到了。下一步：带上券码去报名。")).to_be_visible(timeout=PATIENCE_MS)
    found, ways = claimed(batch, person)
    assert (found.state, ways) == ("claimed", ["gate"])
    assert urlsplit(page.url).path == f"/my/vouchers/{found.city_code}/{found.pk}/"
    assert faults_here(page) == []
    page.get_by_role("link", name="我的券").click()
    page.wait_for_url("**/my/vouchers/")
    page.get_by_role("link", name="出示券码").click()
    expect(page.locator(".qr-code svg")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("button", name="放大出示").click()
    expect(page.get_by_role("button", name="退出全屏")).to_be_visible(timeout=PATIENCE_MS)
    assert faults_here(page) == []
    page.get_by_role("button", name="退出全屏").click()
    page.get_by_role("link", name="回到这张券").click()
    return found


def _uses(page: Page, held: Voucher, made: TrainingClass) -> None:
    page.get_by_role("link", name="在手机上用券报班").click()
    page.wait_for_url("**/use/")
    assert faults_here(page) == []
    page.get_by_role("button", name="用这张券报这个班").dblclick()
    expect(page.get_by_text("券已用在这个班。开班前可以撤销。")).to_be_visible(timeout=PATIENCE_MS)
    held.refresh_from_db()
    assert (held.state, held.class_id) == ("used", made.pk)
    assert through("vouchers.use", held.city_code, held.pk) == ["gate"]


def _signs_in(page: Page, expected: Attendance) -> None:
    page.get_by_role("link", name="上课").click()
    page.wait_for_url("**/my/classes/")
    assert faults_here(page) == []
    page.get_by_role("button", name="我到了，签到").dblclick()
    expect(page.get_by_text("签到成功。")).to_be_visible(timeout=PATIENCE_MS)
    assert signed_through(expected) == ["gate"]
    (signed,) = selectors.sign_ins_of(expected)
    assert (signed.method, signed.accuracy_m, signed.sequence) == ("location", 14, 1)
    assert signed.distance_m is not None
    assert abs((signed.received_at - signed.at).total_seconds()) < 30


def _stands_on_the_board(board: Page, made: TrainingClass, person: Person, now: datetime) -> None:
    day = chinese_day(now + timedelta(minutes=10))
    board.goto(f"{reverse('provider:board', args=[made.city_code, made.pk])}?on={day}")
    expect(board.get_by_role("listitem").filter(has_text=person.name)).to_contain_text("到课")
    expect(board.locator(".board-count")).to_have_text("1 / 3 人已到")
    assert faults_here(board) == []


def _signs_in_without_network(page: Page, expected: Attendance, now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opened, closed, and opened anew without network: shown with its time, signed in once, and still waiting after it was
    closed again. Brought to the gate five minutes later, as the phone's own signature bears out."""
    context = page.context
    page.goto("/healthz")
    page.evaluate(FILL_MEMORY_OF_BEFORE)
    opened = datetime.now(now.tzinfo) - timedelta(minutes=5)
    with monkeypatch.context() as patch:
        patch.setattr("zhaoliang.web.middleware.timezone", SimpleNamespace(now=lambda: opened))
        page.goto("/my/classes/")
        # The pass, which names the phone's key.
        page.wait_for_load_state("networkidle")
        wait_until_kept(page)
        page.close()
    context.set_offline(True)
    page = context.new_page()
    page.goto("/my/classes/")
    expect(page.get_by_text("离线，显示")).to_be_visible()
    assert faults_here(page) == []
    page.get_by_role("button", name="我到了，签到").click()
    expect(page.get_by_text("已签到，存在手机里")).to_be_visible()
    expect(page.get_by_role("button", name="我到了，签到")).to_be_hidden()
    assert faults_here(page) == []
    page.close()
    page = context.new_page()
    page.goto("/my/classes/")
    expect(page.get_by_text("手机里存着 1 次签到，还没有上传")).to_be_visible()
    expect(page.get_by_role("button", name="我到了，签到")).to_be_hidden()
    page.close()
    # Back: two tabs and the browser's own wake-up bring the same one.
    before = datetime.now(now.tzinfo)
    context.set_offline(False)
    page, other = context.new_page(), context.new_page()
    page.goto("/my/classes/")
    other.goto("/my/scan/")
    expect(page.locator("[data-queue]")).to_be_hidden()
    expect(page.get_by_text("离线，显示")).to_be_hidden()
    page.reload()
    page.wait_for_load_state("networkidle")
    (signed,) = selectors.sign_ins_of(expected)
    assert signed_through(expected) == ["gate"]
    assert signed.at < before - timedelta(minutes=4)
    assert before < signed.received_at
    assert signed.signed
    assert page.evaluate(KEPT_SIGN_INS) == ["before"]


def _by_the_pages_own_server(page: Page, gate: RunningGate, batch: VoucherBatch, expected: Attendance) -> None:
    """The gate is gone; the phone is full, and nobody answers its question for the place."""
    page.goto(f"/my/find/{batch.city_code}/{batch.pk}/")
    gate.kill()
    claim(page)
    expect(page.get_by_text("领到了。下一步：带上券码去报名。")).to_be_visible(timeout=PATIENCE_MS)
    assert claimed(batch, expected.person)[1] == ["page"]
    page.add_init_script("IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError'); }")
    page.add_init_script("Geolocation.prototype.getCurrentPosition = () => undefined")
    page.goto("/my/scan/")
    assert faults_here(page) == []
    page.get_by_label("扫不了？输入屏幕上的 8 位码").fill(classcode.shown(expected.session, datetime.now(UTC)).typed)
    page.clock.install()
    page.get_by_role("button", name="用这个码签到").click()
    expect(page.get_by_text("请点“允许”；十几秒定不了位")).to_be_visible()
    page.clock.run_for(12_000)
    expect(page.get_by_text("签到成功。")).to_be_visible(timeout=PATIENCE_MS)
    assert [row.method for row in selectors.sign_ins_of(expected)] == ["class_code"]
    assert signed_through(expected) == ["page"]
