"""The policy column: every text, every clause, and what the platform makes of it."""

from __future__ import annotations

import pytest
from django.test import Client

from factories import registry
from zhaoliang.registry.lawbook import lawbook

pytestmark = [pytest.mark.django_db, pytest.mark.mission("N1", "F1")]


def test_every_document_has_its_page_and_every_clause_its_place(client: Client) -> None:
    listed = client.get("/policies/").content.decode()
    for document in lawbook().documents:
        assert document.title in listed
        page = client.get(f"/policies/{document.id}/").content.decode()
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
