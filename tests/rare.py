"""Rows of things that the demo does not play, for tests that want one of each: doubts, corrections, sanctions, cases, issues."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from zhaoliang.attendance.models import Attendance, AttendanceCorrection, AttendanceDoubt, MakeUp
from zhaoliang.employment.models import FactFinding
from zhaoliang.payments.models import ReconciliationCase
from zhaoliang.recoveries.models import Correction
from zhaoliang.registry.models import Sanction
from zhaoliang.sharing.models import ShareReceipt, ShareVoiding
from zhaoliang.subsidies.models import Appeal, ClaimLine
from zhaoliang.vouchers.models import BatchChange, IssueList, VoucherBatch
from zhaoliang.worktraining.models import WorkTrainingImport


def rare_rows(line: ClaimLine, batch: VoucherBatch, attendance: Attendance, at: datetime) -> dict[str, Any]:
    """One row of each, by the name of its state machine: of this line, its provider, its batch and an attendance of its trainee."""
    here = {"city_code": line.city_code}
    doubt = AttendanceDoubt.objects.create(
        **here,
        attendance=attendance,
        score=60,
        signals=[["mock", 80, "测试"]],
        weights="test",
        opened_at=at,
        answer_due_on=at.date(),
    )
    correction = AttendanceCorrection.objects.create(
        **here,
        attendance=attendance,
        event="correct",
        state_before="absent",
        minutes_before=0,
        minutes_after=180,
        reason="测试",
        proposed_at=at,
        proposed_by_name="测试人员",
    )
    make_up = MakeUp.objects.create(
        **here,
        attendance=attendance,
        teacher=attendance.session.teacher,
        period=attendance.period,
        room="测试",
        reason="测试",
        proposed_at=at,
        proposed_by_name="测试人员",
    )
    change = BatchChange.objects.create(
        **here, batch=batch, kind="top_up", quantity=1, reason="测试", proposed_by_name="测试", proposed_at=at
    )
    amount_correction = Correction.objects.create(
        **here, claim_line=line, cause="other", amount_fen=0, text="测试", at=at
    )
    sanction = Sanction.objects.create(
        **here,
        organisation=line.claim.provider,
        region_code=line.claim.region_id,
        step="interview",
        violation="disorder",
        facts="测试：课堂秩序混乱，疏于管理",
        citation="测试依据",
        verified=False,
        proposed_at=at,
        reply_until=at.date() + timedelta(days=7),
        decide_by=at.date() + timedelta(days=21),
    )
    case = ReconciliationCase.objects.create(
        **here, region_code=line.claim.region_id, kind="unknown_credit", amount_fen=100, says="测试", opened_at=at
    )
    issue = IssueList.objects.create(
        **here, batch=batch, source="query", on_duplicate="skip", people=1, state="submitted", created_at=at
    )
    school_class = line.claim.training_class
    receipt = ShareReceipt.objects.create(
        **here,
        training_class=school_class,
        provider=school_class.provider,
        payer="person",
        direction="paid",
        payer_name="测试",
        total_fen=100,
        paid_on=at.date(),
        number="测试 1",
        at=at,
        by_name="测试",
    )
    voiding = ShareVoiding.objects.create(
        **here, receipt=receipt, reason="测试", proposed_at=at, proposed_by_name="测试人员"
    )
    past = WorkTrainingImport.objects.create(
        **here,
        region_code=line.claim.region_id,
        file_name="测试.xlsx",
        sha256="0" * 64,
        rows=0,
        people=0,
        total_fen=0,
        read_at=at,
        read_by_name="测试",
    )
    appeal = Appeal.objects.create(
        **here,
        claim_line=line,
        side="provider",
        refused_change=0,
        reason="测试",
        decision="测试",
        clause="测试依据",
        filed_at=at,
    )
    return {
        "appeal": appeal,
        "past_import": past,
        "share_receipt": receipt,
        "share_voiding": voiding,
        "attendance_doubt": doubt,
        "attendance_correction": correction,
        "make_up": make_up,
        "batch_change": change,
        "correction": amount_correction,
        "fact_finding": FactFinding.objects.create(
            **here, person=line.person, kind="identity", text="测试认定", proposed_at=at
        ),
        "sanction": sanction,
        "reconciliation": case,
        "issue_list": issue,
    }
