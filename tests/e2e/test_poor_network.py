"""A phone on a slow network that comes and goes: an online lesson and signing in lose and double nothing."""

from __future__ import annotations

import io
import itertools
import socket
import wave
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from playwright.sync_api import Browser, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from browser import SLOW_3G, emulate, faults_here
from factories import registry, vouchers
from factories.attendance import running
from phones import page_of, phone_at_site
from zhaoliang.attendance import selectors
from zhaoliang.attendance.models import Attendance, LessonProgress
from zhaoliang.classes.models import ClassSession
from zhaoliang.kernel.roles import Role
from zhaoliang.vouchers.models import Voucher

pytestmark = [pytest.mark.browser, pytest.mark.commits, pytest.mark.mission("D4", "N2")]

NONE = SLOW_3G | {"offline": True}
FILM = "https://media.example/lesson.wav"


def _recording(seconds: int) -> bytes:
    """Silence, as a player takes it."""
    target = io.BytesIO()
    with wave.open(target, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(8_000)
        sound.writeframes(b"\x80" * 8_000 * seconds)
    return target.getvalue()


@pytest.fixture
def sessions() -> list[Attendance]:
    """Two sessions of one trainee by the real clock: one in the room that begins soon, then one online that has begun."""
    made, now = running(), datetime.now(tz=UTC)
    rows = list(
        Attendance.objects.filter(city_code=made.city_code, session__training_class=made)
        .select_related("session", "person")
        .order_by("period")[:2]
    )
    times = [
        (now + timedelta(minutes=10), now + timedelta(minutes=100)),
        (now - timedelta(minutes=5), now + timedelta(minutes=5)),
    ]
    for row, (begins, ends) in zip(rows, times, strict=True):
        period = DateTimeTZRange(begins, ends)
        ClassSession.objects.filter(city_code=row.city_code, pk=row.session.pk).update(period=period)
        Attendance.objects.filter(city_code=row.city_code, pk=row.pk).update(period=period)
    ClassSession.objects.filter(city_code=rows[1].city_code, pk=rows[1].session.pk).update(
        online=True, material_kind="video", material_url=FILM, material_minutes=180
    )
    return rows


@pytest.fixture
def phone(browser: Browser, live_server: LiveServer, sessions: list[Attendance]) -> Iterator[Page]:
    """The trainee's phone, seen by the identity service just now, at the site, on a slow network."""
    context = phone_at_site(browser, live_server.url)
    owner = registry.user(Role.WORKER, person=sessions[0].person)
    page = page_of(context, live_server.url, owner, seen_at=datetime.now(tz=UTC))
    film = _recording(60)

    def play(route: Route) -> None:
        # In ranges, as a media server gives it: a player jumps only in what it can ask for.
        begins = int((route.request.headers.get("range") or "bytes=0-").removeprefix("bytes=").split("-")[0])
        part = film[begins:]
        headers = {
            "Content-Range": f"bytes {begins}-{len(film) - 1}/{len(film)}",
            "Accept-Ranges": "bytes",
            "Content-Length": str(len(part)),
        }
        route.fulfill(status=206, body=part, content_type="audio/wav", headers=headers)

    page.route(FILM, play)
    yield page
    context.close()


def _play_until(page: Page, second: float) -> None:
    page.locator("video").evaluate("film => { film.muted = true; return film.play(); }")
    page.wait_for_function("second => document.querySelector('video').currentTime > second", arg=second)
    page.locator("video").evaluate("film => film.pause()")


def test_slow_then_gone_then_back_and_every_second_counts_once(phone: Page, sessions: list[Attendance]) -> None:
    room, lesson = sessions
    emulate(phone, SLOW_3G)
    # The lesson first: it is on now.
    phone.goto("/my/classes/")
    assert faults_here(phone) == []
    phone.get_by_role("link", name="进入线上课").click()
    phone.get_by_role("button", name="确认是我，开始学").click()
    expect(phone.locator("video")).to_be_visible()
    phone.wait_for_load_state("load")
    assert faults_here(phone) == []
    _play_until(phone, 2.2)
    expect(phone.get_by_text("进度已保存")).to_be_visible()
    # Nobody jumps ahead.
    phone.locator("video").evaluate("film => { film.currentTime = 50; }")
    phone.wait_for_function("document.querySelector('video').currentTime < 5")
    emulate(phone, NONE)
    _play_until(phone, 4.4)
    expect(phone.locator("[data-lesson-note]")).to_contain_text("存在手机里")
    emulate(phone, SLOW_3G)
    expect(phone.get_by_text("进度已保存")).to_be_visible()
    played = LessonProgress.objects.filter(city_code=lesson.city_code, attendance=lesson, kind="play").order_by("id")
    stretches = [(row.from_second, row.to_second, row.doubt) for row in played]
    assert stretches[-1][1] >= 4
    assert all(not doubt for *_, doubt in stretches)
    assert all(one[1] == two[0] for one, two in itertools.pairwise(stretches)), stretches
    # Then the room: signed in without network, sent once when it is back.
    phone.goto("/my/classes/")
    expect(phone.get_by_role("link", name="接着学")).to_be_visible()
    emulate(phone, NONE)
    phone.get_by_role("button", name="我到了，签到").click()
    expect(phone.get_by_text("手机里存着 1 次签到，还没有上传")).to_be_visible()
    emulate(phone, SLOW_3G)
    expect(phone.get_by_text("手机里存的签到已上传。")).to_be_visible()
    expect(phone.locator("[data-queue]")).to_be_hidden()
    assert len(selectors.sign_ins_of(room)) == 1


def _away(page: Page, act: str, *answers: tuple[int, str]) -> None:
    """Let the gate send away whoever asks for the act, one answer after another; the last one stays."""
    left, origin = list(answers), page.evaluate("location.origin")

    def send(route: Route) -> None:
        status, wait = left.pop(0) if len(left) > 1 else left[0]
        shared = {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "retry-after"}
        route.fulfill(status=status, json={}, headers={"Retry-After": wait, **shared})

    page.route(f"**/gate/{act}", send)


@pytest.mark.mission("C2")
def test_a_full_gate_is_waited_for_in_words_and_a_limit_is_told_and_not_gone_round(
    browser: Browser, live_server: LiveServer, sessions: list[Attendance], settings: Any
) -> None:
    # Held and never listened at: once nobody sends away any more, the gate is down and our own server does it.
    nobody = socket.socket()
    nobody.bind(("127.0.0.1", 0))
    settings.GATE_PORT = nobody.getsockname()[1]
    room, person, now = sessions[0], sessions[0].person, datetime.now(tz=UTC)
    Attendance.objects.filter(city_code=room.city_code, pk=sessions[1].pk).update(state="leave")
    batch = vouchers.batch(at=now)
    mine = Voucher.objects.filter(city_code=batch.city_code, batch=batch, person=person)
    # What the browser's own wake-up would bring at once is not there.
    with nobody, closing(phone_at_site(browser, live_server.url, service_workers="block")) as context:
        page = page_of(context, live_server.url, registry.user(Role.WORKER, person=person), seen_at=now)
        page.goto(f"/my/find/{batch.city_code}/{batch.pk}/")
        _away(page, "claim", (503, "1"), (429, "40"))
        page.get_by_label("我已阅读上面的承诺").check()
        press = page.get_by_role("button", name="确认承诺并领券")
        press.click()
        expect(page.get_by_text("现在办理的人很多，还没有轮到")).to_be_visible()
        expect(page.get_by_text("请 40 秒后再点一次")).to_be_visible()
        assert faults_here(page) == []
        assert not mine.exists()
        page.unroute("**/gate/claim")
        press.click()
        expect(page.get_by_text("领到了。下一步：带上券码去报名。")).to_be_visible()
        assert mine.count() == 1
        page.goto("/my/classes/")
        _away(page, "sign-in", (503, "1"))
        page.get_by_role("button", name="我到了，签到").click()
        expect(page.get_by_text("平台这会儿忙，过一会儿自动上传")).to_be_visible()
        expect(page.get_by_text("手机里存着 1 次签到，还没有上传")).to_be_visible()
        assert faults_here(page) == []
        assert selectors.sign_ins_of(room) == []
        page.unroute("**/gate/sign-in")
        page.reload()
        expect(page.get_by_text("手机里存的签到已上传。")).to_be_visible()
        (signed,) = selectors.sign_ins_of(room)
        assert signed.at < signed.received_at
        _five_wait_in_any_order(page)


# Puts five of one account into the phone's memory, not in the order in which they were made.
FIVE = """(account) => new Promise((resolve) => {
  const asked = indexedDB.open("zhaoliang");
  asked.onsuccess = () => {
    const change = asked.result.transaction("sign-ins", "readwrite");
    for (const n of [4, 1, 5, 2, 3]) {
      const fields = { sequence: String(n), signed_at: "1773619200", phone_at: "1773619200" };
      const whose = { key: `kept-${n}`, account, attendance: "0", title: "课", csrf: "x", gate: "", passUrl: "" };
      change.objectStore("sign-ins").put({ ...whose, action: `/my/sessions/1/${n}/sign-in/`, fields }, whose.key);
    }
    change.oncomplete = () => { asked.result.close(); resolve(); };
  };
})"""


def _five_wait_in_any_order(page: Page) -> None:
    """They are brought in the order in which they were made; one that does not arrive holds back what came after it."""
    brought: list[str] = []

    def take(route: Route) -> None:
        brought.append(route.request.url.split("/")[-3])
        if len(brought) == 3:
            route.abort()
        elif len(brought) == 4:
            route.fulfill(status=429, json={})
        else:
            route.fulfill(json={"says": "签到成功。", "state": "present", "flags": []})

    page.route("**/my/sessions/1/*/sign-in/", take)
    page.evaluate(FIVE, page.locator("meta[name=zl-account]").get_attribute("content"))
    for _ in range(2):
        with page.expect_request("**/my/sessions/1/3/sign-in/"):
            page.reload()
        expect(page.get_by_text("手机里存着 3 次签到，还没有上传")).to_be_visible()
    page.reload()
    expect(page.locator("[data-queue]")).to_be_hidden()
    assert brought == ["1", "2", "3", "3", "3", "4", "5"]
