"""The demo's chain from need to paid subsidy: its figures, its trace, its people, and that it can be played twice or killed."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from django.db.models import F, Sum
from typer.testing import CliRunner

from seeds import fresh_seed, size
from world import AT, World, counts
from zhaoliang import demo
from zhaoliang.attendance.models import Attendance
from zhaoliang.careers.selectors import lifelong_record
from zhaoliang.catalogue.models import Project
from zhaoliang.certificates.models import Certificate
from zhaoliang.certificates.selectors import check, pdf
from zhaoliang.classes.models import ClassSession, RosterImport, Textbook
from zhaoliang.cli import audit as audit_command
from zhaoliang.cli.main import app
from zhaoliang.demo.summary import chain
from zhaoliang.funds.models import Account, Transfer
from zhaoliang.funds.selectors import trial_balance, verify_books
from zhaoliang.kernel import audit
from zhaoliang.kernel.db.national import national
from zhaoliang.kernel.models import AuditEvent
from zhaoliang.payments.models import PaymentBatch, PaymentLine
from zhaoliang.payments.selectors import cent_trace
from zhaoliang.registry.models import GroupMembership, Organisation, Person, PersonGrant, RoleAssignment, Site
from zhaoliang.subsidies.models import Claim, ClaimLine
from zhaoliang.vouchers.models import Voucher, VoucherBatch, VoucherCheck

CITY = 120000
FEE = 378_000
in_the_world = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def world_test(*rows: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test on the played demo that proves these mission rows."""

    def mark(test: Callable[..., None]) -> Callable[..., None]:
        for one in (*in_the_world, pytest.mark.mission(*rows)):
            test = one(test)
        return test

    return mark


@world_test("A3", "A4", "C2", "C7", "D1", "D2", "D4", "D6", "E4", "F2", "F4", "G1", "G3", "H1")
def test_every_step_of_the_chain_has_its_number(world: World) -> None:
    # 60 trainees, 12 of them wrong; 48 taught, one below 80 % and one failed, so 46 are paid 3,780 yuan each.
    assert chain(world.played.training_class) == [
        ("企业用工需求", 1, 0),
        ("需求指导目录条目", 2, 0),
        ("项目入库", 1, 0),
        ("下达预算", 1, 200_000_000),
        ("发布培训券批次，预留预算", 1, 100 * FEE),
        ("劳动者领券", 58, 58 * FEE),
        ("名册导入被拒：有问题的行", 12, 0),
        ("名册改正后导入", 48, 0),
        ("开班备案", 1, 0),
        ("到班验券", 48, 0),
        ("上课签到", 1396, 0),
        ("结业", 48, 0),
        ("考核合格发证", 47, 0),
        ("自动生成申领明细", 48, 0),
        ("不予补贴（逐条写明条款）", 2, 0),
        ("初审、复核、公示、审批", 46, 46 * FEE),
        ("拨付批次送银行", 2, 0),
        ("银行退回", 1, FEE),
        ("到账（银行回单逐笔匹配）", 46, 46 * FEE),
        ("培训券核销", 46, 46 * FEE),
        ("就业登记入档", 1, 0),
        ("到账后证书撤销，差额立案追回", 1, FEE),
        ("追回到账（分期退还）", 1, FEE // 3),
    ]
    assert demo.chain_table(world.played.training_class)[-1].endswith("逐笔重算，无差错")


@world_test("A3", "A4")
def test_the_project_joins_demand_catalogue_evaluation_and_employment_service(world: World) -> None:
    project = Project.objects.select_related("entry__catalogue", "demand").get(
        city_code=CITY, pk=world.played.training_class.project_id
    )
    assert (project.state, project.entry.catalogue.state) == ("listed", "published")
    assert project.demand is not None
    assert project.demand.state == "answered"
    assert project.evaluator_id is not None
    assert project.employment_service
    assert project.entry.headcount == 320
    assert project.entry.scarcity == "very_scarce"


@world_test("B1", "B2", "B4")
def test_people_and_organisations_are_registered_once_with_evidence(world: World) -> None:
    people = Person.objects.filter(city_code=CITY)
    assert people.count() == people.values("id_hash").distinct().count() == 80 + 14
    assert GroupMembership.objects.filter(city_code=CITY).exclude(source="").exclude(evidence="").count() == 80 + 3
    assert Organisation.objects.filter(city_code=CITY, state="listed").count() == 3
    assert Organisation.objects.filter(city_code=CITY, state="registered").count() == 1
    assert Site.objects.filter(city_code=CITY, longitude__range=(117, 118), latitude__range=(39, 40)).count() == 2


@world_test("B5")
def test_every_account_has_a_region_or_an_organisation(world: World) -> None:
    roles = RoleAssignment.objects.all()
    assert {row.region_id for row in roles} == {120000, 120110}
    assert all(row.organisation_id for row in roles if row.role in ("provider", "evaluator"))


@world_test("C1", "C3", "C5", "C6", "C7")
def test_vouchers_were_claimed_with_a_promise_verified_in_class_and_die_when_paid(world: World) -> None:
    of_class = Voucher.objects.filter(city_code=CITY, class_id=world.played.training_class.pk)
    assert Counter(of_class.values_list("state", flat=True)) == {"redeemed": 46, "verified": 2}
    assert not of_class.filter(declaration="").exists()
    assert not of_class.filter(verified_at__lt=F("used_at")).exists()
    scanned = VoucherCheck.objects.filter(city_code=CITY, voucher__in=of_class, method="scanned")
    assert Counter(scanned.values_list("answer", flat=True)) == {"verified": 48}
    paid = ClaimLine.objects.filter(city_code=CITY, state="paid").values_list("voucher_id", flat=True)
    assert set(of_class.filter(state="redeemed").values_list("pk", flat=True)) == set(paid)
    for batch in VoucherBatch.objects.filter(city_code=CITY):
        assert batch.published_by_person != batch.submitted_by_person


@world_test("D1", "D2", "D4")
def test_the_class_was_filed_with_plan_timetable_teachers_textbooks_and_roster(world: World) -> None:
    held = world.played.training_class
    here = {"city_code": CITY, "training_class": held}
    hours = Counter[str]()
    for session in ClassSession.objects.filter(**here):
        hours[session.kind] += session.hours
    assert hours == {"safety": 8, "theory": 32, "practice": 80}
    assert Textbook.objects.filter(**here).count() == 2
    first, second = RosterImport.objects.filter(**here).order_by("id")
    assert (first.rows, first.wrong_rows, first.imported) == (60, 12, 0)
    assert (second.rows, second.wrong_rows, second.imported) == (48, 0, 48)
    assert Attendance.objects.filter(city_code=CITY, enrolment__training_class=held).count() == 48 * 30


@world_test("D4", "E4", "F1", "F3")
def test_who_is_refused_is_refused_by_a_clause(world: World) -> None:
    refused = ClaimLine.objects.filter(
        city_code=CITY, claim__training_class=world.played.training_class, state="refused"
    )
    reasons = {}
    for line in refused:
        [failed] = [one for one in line.decision.record["results"] if one["outcome"] == "fail"]
        reasons[line.pk] = failed
        assert line.amount_fen == 0
        assert not PaymentLine.objects.filter(city_code=CITY, claim_line=line).exists()
    cited = json.dumps(list(reasons.values()), ensure_ascii=False)
    assert "津人社局发〔2022〕20号" in cited
    absent, failed = sorted(refused, key=lambda line: line.credited_minutes)
    assert absent.credited_minutes * 100 < absent.planned_minutes * 80
    assert failed.certificate_id is None


@world_test("D6", "E4")
def test_each_certificate_stands_on_a_passed_result_and_can_be_checked(world: World) -> None:
    issued = Certificate.objects.filter(city_code=CITY, result__exam__training_class=world.played.training_class)
    assert issued.count() == issued.filter(result__passed=True).count() == 47
    assert issued.values("number").distinct().count() == 47
    one = issued.select_related("person").earliest("id")
    assert check(one.number, one.person.name).content is not None
    assert check(one.number, one.person.name + "甲").content is None
    assert pdf(one).startswith(b"%PDF-")


@world_test("F2", "F4", "G3")
def test_each_step_that_costs_money_took_two_people(world: World) -> None:
    claim = Claim.objects.get(city_code=CITY, training_class=world.played.training_class)
    assert len({claim.first_person, claim.second_person, None}) == 3
    assert claim.approved_by_person != claim.first_person
    # Five working days of publicity; 清明 (4 to 6 April) lies inside.
    assert (claim.publicity_from, claim.publicity_until) == (date(2026, 4, 2), date(2026, 4, 10))
    for batch in PaymentBatch.objects.filter(city_code=CITY):
        assert batch.state == "settled"
        assert len({batch.sealed_by_person, batch.authorised_by_person, None}) == 3


@world_test("G1", "G2")
def test_no_fen_appears_or_gets_lost(world: World) -> None:
    assert verify_books(CITY) == []
    by_kind = {row.kind: row.balance_fen for row in trial_balance(CITY)}
    assert sum(by_kind.values()) == 0
    assert by_kind["payable"] == 0
    given = Transfer.objects.filter(city_code=CITY, kind="allocate").aggregate(total=Sum("amount_fen"))["total"]
    # One of the 46 gives its subsidy back in three parts; the first has come.
    assert (by_kind["disbursed"], by_kind["receivable"], by_kind["recovered"]) == (45 * FEE, FEE * 2 // 3, 0)
    assert given == 200_000_000 == by_kind["budget"] + by_kind["reserved"] + 45 * FEE + FEE * 2 // 3
    assert not Account.objects.filter(city_code=CITY, balance_fen__lt=0).exclude(kind__in=["appropriation"]).exists()


@world_test("G3")
def test_what_the_bank_sent_back_was_paid_again_to_the_new_card(world: World) -> None:
    failed = PaymentLine.objects.get(city_code=CITY, state="failed")
    again = PaymentLine.objects.get(city_code=CITY, claim_line=failed.claim_line, state="paid")
    assert failed.failure == "账号与户名不符"
    assert (again.attempt, again.amount_fen) == (2, failed.amount_fen)
    assert again.account_number != failed.account_number
    assert again.account_number == Person.objects.get(city_code=CITY, pk=again.claim_line.person_id).card_number


@world_test("F1", "F2", "F3", "G2", "C7")
def test_the_trace_of_a_cent_has_no_breaks(world: World) -> None:
    trace = cent_trace(world.played.line)
    assert trace.breaks == []
    kinds = ("clause", "rule", "fact", "evidence", "step", "line", "transfer", "payment", "bank", "voucher")
    assert all(trace.of(kind) for kind in kinds)
    assert trace.of("step")[-1].amount_fen == trace.of("line")[0].amount_fen == FEE
    linked = {key for link in trace.links for key in link}
    assert linked == set(trace.nodes), "a place of the trace that nothing leads to"


@world_test("H1", "G3")
def test_the_lifelong_record_holds_training_certificate_subsidy_and_job(world: World) -> None:
    record = lifelong_record(world.played.line.person, everywhere=True)
    assert [one.passed for one in record.trainings] == [True]
    assert [one.amount_fen for one in record.subsidies] == [FEE]
    assert [one.employer_name for one in record.jobs] == ["海河演示装备制造有限公司"]
    assert {one.kind for one in record.timeline} == {"training", "certificate", "subsidy", "voucher", "job"}
    assert PersonGrant.objects.filter(person_id=world.played.line.person_id).count() == 1


PLANTED = {
    6: ("E", "document_number", "人社部函〔2021〕14号 六"),
    11: ("E", "repeated", "人社部发〔2025〕10号 五（十一）"),
    16: ("E", "two_classes_at_once", "人社部发〔2025〕10号 五（十一）"),
    21: ("E", "min_age", "津人社局发〔2022〕20号 第四条"),
    26: ("I", "not_drawing_pension", "津人社局发〔2022〕20号 第四条"),
    31: ("R", "certificate_level_matches", "津人社局发〔2022〕20号 第九条"),
    36: ("I", "not_establishment_staff", "津人社局发〔2022〕20号 第四条"),
    41: ("Y", "voucher_fits", "一（一）1（2）"),
    46: ("V", "attendance", "津人社局发〔2022〕20号 第九条"),
    51: ("P", "no_lower_after_higher", "津人社局发〔2022〕20号 第十五条"),
    56: ("Y", "voucher_in_time", "一（一）2（4）"),
    61: ("B", "name_mismatch", "人社部函〔2021〕14号 六"),
}


@world_test("D2", "F3")
def test_the_audit_of_the_roster_names_the_planted_faults_and_no_others(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @contextmanager
    def running() -> Iterator[None]:
        yield

    monkeypatch.setattr(audit_command, "database", running)
    roster, report = world.folder / "demo" / "roster-with-faults.xlsx", tmp_path / "report.json"
    project = world.played.training_class.project.name
    done = CliRunner().invoke(
        app, ["audit", str(roster), "--city", str(CITY), "--project", project, "--json", str(report)]
    )
    assert done.exit_code == 1, done.output
    findings = json.loads(report.read_text("utf-8"))["findings"]
    assert {one["row"]: (one["letter"], one["code"]) for one in findings} == {
        row: fault[:2] for row, fault in PLANTED.items()
    }
    assert len(findings) == len(PLANTED)
    for one in findings:
        assert one["clause"].endswith(PLANTED[one["row"]][2]), one
        assert one["reason"]
        assert one["next_step"]


@world_test("I6")
def test_the_audit_log_holds_every_act_and_shows_a_change(world: World) -> None:
    assert list(audit.verify(city_code=CITY)) == []
    assert audit.unsealed(city_code=CITY) == 0
    acts = set(AuditEvent.objects.filter(city_code=CITY).values_list("act", flat=True))
    for act in ("vouchers.claim", "subsidies.approve_claim", "payments.authorise_batch"):
        assert any(name.startswith(act.split(".", maxsplit=1)[0]) for name in acts), act


def contents() -> dict[str, str]:
    """A hash of each table's rows."""
    found = {}
    with national(), connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        for (table,) in cursor.fetchall():
            name = connection.ops.quote_name(table)
            cursor.execute(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t")
            found[table] = cursor.fetchone()[0]
    return found


@world_test("C2", "F2", "G2", "G3")
def test_playing_again_changes_nothing(world: World) -> None:
    before = contents()
    again = demo.play(at=AT, echo=lambda text: None)
    assert (again.training_class.pk, again.line.pk) == (world.played.training_class.pk, world.played.line.pk)
    after = contents()
    assert {table for table in before if before[table] != after[table]} == set()


class Killed(BaseException):
    """The process dies here, in the middle of an act's transaction."""


@pytest.mark.sized
@pytest.mark.timeout(size(ci=900, nightly=7_200))
@pytest.mark.mission("D2", "F2", "G2", "G3")
def test_a_killed_play_goes_on_and_ends_the_same(
    played_world: World, fresh_world: Callable[[], psycopg.Connection[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(fresh_seed())
    # Anywhere, and once near the end, when what the first acts read has changed since.
    last = played_world.counts["audit_event"]
    kills = [*sorted(chance.sample(range(1, last - 200), size(ci=1, nightly=3))), chance.randrange(last - 200, last)]
    write, written = audit.append, Counter[str]()

    def append(**said: Any) -> AuditEvent:
        written["events"] += 1
        if written["events"] in kills:
            raise Killed
        return write(**said)

    monkeypatch.setattr(audit, "append", append)
    for _ in kills:
        with pytest.raises(Killed):
            demo.play(at=AT, echo=lambda text: None)
    played = demo.play(at=AT, echo=lambda text: None)
    assert tuple(demo.chain_table(played.training_class)) == played_world.table
    assert counts() == played_world.counts
    assert verify_books(CITY) == []
    assert list(audit.verify(city_code=CITY)) == []
    assert cent_trace(played.line).breaks == []
    for name in ("roster-with-faults.xlsx", "roster.xlsx"):
        assert (settings.VAR / "demo" / name).read_bytes() != b""
