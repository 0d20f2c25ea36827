"""The policy column: every text, every clause, and what the platform makes of it."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from factories import registry
from zhaoliang.policy import PolicyStore
from zhaoliang.policy.plain import Wording
from zhaoliang.registry.lawbook import lawbook
from zhaoliang.web.portal import clauses, texts
from zhaoliang.web.portal.views import policies

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N1", "F1")]


def test_every_document_has_its_page_and_every_clause_its_place(client: Client) -> None:
    listed = client.get("/policies/").content.decode()
    for document in lawbook().documents:
        assert document.title in listed
        page = client.get(f"/policies/{document.id}/", {"on": document.start.isoformat()}).content.decode()
        for clause in document.clauses.values():
            assert f'id="c{clause.id}"' in page, (document.id, clause.id)


def test_a_clause_shows_the_rules_made_of_it_and_whether_it_was_read(client: Client) -> None:
    page = client.get("/policies/cn-12/jinrenshe-2022-20/").content.decode()
    assert "没有按月领取养老保险待遇" in page
    assert "开班前提出开班申请" in page
    assert "5 个工作日" in page
    assert "原文已核" in page


def test_an_unknown_document_is_not_found(client: Client) -> None:
    response = client.get("/policies/cn-99/none/")
    assert response.status_code == 404
    assert "没有这份文件" in response.content.decode()


def test_help_needs_no_city(client: Client) -> None:
    assert "人社部函〔2021〕14号第七条" in client.get("/about/").content.decode()


def test_a_signed_in_worker_sees_the_way_home(client: Client) -> None:
    user = registry.user(name="甲某")
    client.force_login(user)
    assert 'href="/home/"' in client.get("/about/").content.decode()


def test_every_clause_has_its_own_page_and_every_rule_its_words(client: Client) -> None:
    for document in lawbook().documents:
        rules = {rule.cite for rule in document.rules}
        for clause in document.clauses.values():
            answer = client.get(f"/policies/{document.id}/clauses/{clause.id}/?on={document.start}")
            assert answer.status_code == 200, (document.id, clause.id)
            if f"{document.id}#{clause.id}" in rules:
                assert "平台按这条核对" in answer.content.decode(), (document.id, clause.id)


def test_a_rule_reads_as_a_sentence_with_its_figures(client: Client) -> None:
    page = client.get("/policies/cn-12/jinrenshe-2022-20/clauses/15/?on=2026-03-02").content.decode()
    assert "同职业同等级没有享受过补贴" in page
    assert "“同职业同等级已享受补贴”为否" in page
    assert "可以拒绝" in page
    assert "职业培训补贴" in page


def test_a_figure_that_nobody_has_read_is_marked_wherever_it_is_used(client: Client) -> None:
    """The tables of 2024 and 2026 are carried over: the clause by which they are used says so, and so does the text's page."""
    address = "/policies/cn-12/jinrenshe-2022-20/"
    used, read = (client.get(f"{address}clauses/9/?on={day}").content.decode() for day in ("2026-06-01", "2023-06-01"))
    assert "《目录》培训补贴标准：还没有核对原文" in used
    assert "还没有核对原文" not in read
    reply = client.get(f"{address}clauses/30-reply/?on=2026-06-01").content.decode()
    assert "原文未核" in reply


def test_what_stacks_is_told_as_such(client: Client) -> None:
    page = client.get("/policies/cn-12/jinrenshe-2022-20/").content.decode()
    assert "叠加次序" in page


def test_a_long_table_is_searched_not_scrolled(client: Client) -> None:
    address = "/policies/cn-12/mulu-2021-2022/clauses/table/"
    assert "6-18-02-04" in client.get(address, {"q": "焊工"}).content.decode()
    assert "没有符合“不存在的职业”的行" in client.get(address, {"q": "不存在的职业"}).content.decode()


def test_two_versions_stand_side_by_side(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    root = lawbook().root
    old = (root / "cn-12/jinrenshe-2022-20/2022-08-01.yaml").read_text(encoding="utf-8")
    new = old.replace("scarce: 0.90", "scarce: 0.95", 1)
    assert new != old
    book = PolicyStore.load(
        root, {"cn-12/jinrenshe-2022-20/2027-01-01.yaml": new.replace("2022-08-01", "2027-01-01", 1).encode()}
    )
    for module in (texts, clauses, policies):
        monkeypatch.setattr(module, "lawbook", lambda: book)
    address = "/policies/cn-12/jinrenshe-2022-20/changes/"
    page = client.get(address).content.decode()
    assert "高级工及以下按紧缺程度计发的比例" in page
    assert "<del>90</del>" in page or "<del>0</del><ins>5</ins>" in page
    assert "这两个版本没有不同" in client.get(address, {"from": "2027-01-01", "to": "2027-01-01"}).content.decode()
    assert "2027年1月1日起" in client.get("/policies/cn-12/jinrenshe-2022-20/").content.decode()


def test_a_text_with_one_version_says_so(client: Client) -> None:
    assert "只有一个版本" in client.get("/policies/cn/renshebufa-2025-10/changes/").content.decode()


@pytest.mark.parametrize("address", ["/policies/cn-99/none/clauses/1/", "/policies/cn/caishe-2023-181/clauses/none/"])
def test_an_unknown_clause_is_not_found(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_every_rule_and_amount_has_words_of_its_own(client: Client) -> None:
    book = lawbook()
    wording = Wording(book.facts, {}, {})
    for document in book.documents:
        for rule in document.rules:
            for node in (rule.when, rule.must):
                text = wording.text(node) if node is not None else ""
                assert not set(re.findall(r"[a-z_]{4,}", text)) & set(book.facts.facts), (document.id, rule.id, text)
