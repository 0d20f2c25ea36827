"""What the demo prints: the chain table read back from the database, addresses, one sign-in per role."""

from __future__ import annotations

import unicodedata

from django.db.models import Q, QuerySet, Sum

from zhaoliang.attendance.models import Attendance
from zhaoliang.catalogue.models import CatalogueEntry, Project
from zhaoliang.certificates.models import Certificate
from zhaoliang.classes.models import Enrolment, RosterImport, TrainingClass
from zhaoliang.demo.cast import CITY, STAFF
from zhaoliang.employment.models import JobRecord
from zhaoliang.funds.models import Transfer
from zhaoliang.kernel.money import format_yuan
from zhaoliang.kernel.roles import ROLE_LABELS, Role
from zhaoliang.needs.models import Demand
from zhaoliang.payments.models import BankReturnLine, PaymentBatch, PaymentLine
from zhaoliang.recoveries.models import RecoveryCase, RecoveryReceipt
from zhaoliang.recoveries.proof import prove
from zhaoliang.subsidies.models import ClaimLine
from zhaoliang.vouchers.models import Voucher, VoucherBatch

STEP_WIDTH, COUNT_WIDTH, MONEY_WIDTH = 34, 8, 18


def chain_table(training_class: TrainingClass) -> list[str]:
    """The chain of one class, each step with its count and fen, and whether the books of the city balance."""
    rows = [_row("步骤", "数量", "金额（分）", "金额")]
    rows += [
        _row(step, f"{count:,}", f"{fen:,}" if fen else "", format_yuan(fen) if fen else "")
        for step, count, fen in chain(training_class)
    ]
    proof = prove(CITY)
    told = f"{len(proof.findings)} 处不符" if proof.findings else "逐笔重算，无差错"
    rows.append(f"账目核对：{proof.accounts} 个账户，{proof.transfers} 笔分录，{told}")
    return rows


def chain(training_class: TrainingClass) -> list[tuple[str, int, int]]:
    """Steps of the class's chain: what, how many, how much in fen (0 where no money is meant)."""
    here = Q(city_code=CITY)
    of_class = here & Q(training_class=training_class)
    batch = Voucher.objects.filter(here, class_id=training_class.pk).values_list("batch_id", flat=True)[:1]
    vouchers = Voucher.objects.filter(here, batch_id=batch)
    lines = ClaimLine.objects.filter(here, claim__training_class=training_class)
    payments = PaymentLine.objects.filter(here, claim_line__claim__training_class=training_class)
    cases = RecoveryCase.objects.filter(here, claim_line__claim__training_class=training_class)
    imports = RosterImport.objects.filter(of_class).order_by("id")
    project = Q(pk=training_class.project_id)
    return [
        ("企业用工需求", Demand.objects.filter(here).count(), 0),
        ("需求指导目录条目", CatalogueEntry.objects.filter(here).count(), 0),
        ("项目入库", Project.objects.filter(here & project).exclude(state="draft").count(), 0),
        ("下达预算", *_money(Transfer.objects.filter(here, kind="allocate"))),
        ("发布培训券批次，预留预算", 1, _reserved(VoucherBatch.objects.filter(here, pk__in=batch))),
        ("劳动者领券", *_money(vouchers)),
        ("名册导入被拒：有问题的行", sum(row.wrong_rows for row in imports if not row.imported), 0),
        ("名册改正后导入", sum(row.imported for row in imports), 0),
        ("开班备案", 1, 0),
        ("到班验券", vouchers.filter(class_id=training_class.pk, verified_at__isnull=False).count(), 0),
        (
            "上课签到",
            Attendance.objects.filter(here, enrolment__training_class=training_class, signed_at__isnull=False).count(),
            0,
        ),
        ("结业", Enrolment.objects.filter(of_class, state="completed").count(), 0),
        ("考核合格发证", Certificate.objects.filter(here, result__exam__training_class=training_class).count(), 0),
        ("自动生成申领明细", lines.count(), 0),
        ("不予补贴（逐条写明条款）", lines.filter(state="refused").count(), 0),
        ("初审、复核、公示、审批", *_money(lines.exclude(state="refused"))),
        ("拨付批次送银行", PaymentBatch.objects.filter(here, lines__in=payments).distinct().count(), 0),
        ("银行退回", *_money(payments.filter(state="failed"))),
        (
            "到账（银行回单逐笔匹配）",
            BankReturnLine.objects.filter(here, payment_line__in=payments, paid=True).count(),
            _money(payments.filter(state="paid"))[1],
        ),
        ("培训券核销", *_money(vouchers.filter(class_id=training_class.pk, state="redeemed"))),
        ("就业登记入档", JobRecord.objects.filter(here).count(), 0),
        ("到账后证书撤销，差额立案追回", *_money(cases)),
        ("追回到账（分期退还）", *_money(RecoveryReceipt.objects.filter(here, case__in=cases))),
    ]


def _money(rows: QuerySet) -> tuple[int, int]:  # type: ignore[type-arg]  # any model with amount_fen
    return rows.count(), rows.aggregate(total=Sum("amount_fen"))["total"] or 0


def _reserved(batches: QuerySet[VoucherBatch]) -> int:
    return sum(batch.quota * batch.amount_fen for batch in batches)


def _row(step: str, count: str, fen: str, amount: str) -> str:
    cells = [_right(count, COUNT_WIDTH), _right(fen, MONEY_WIDTH), _right(amount, MONEY_WIDTH)]
    return step + " " * (STEP_WIDTH - _width(step)) + "".join(cells)


def _right(text: str, width: int) -> str:
    return " " * max(width - _width(text), 1) + text


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def sign_ins(*, base_url: str) -> str:
    """Addresses, and one sign-in per role, as text."""
    rows = [
        "",
        f"照亮演示已就绪：{base_url}/   （Ctrl-C 停止）",
        f"  公众 {base_url}/   劳动者 {base_url}/my/   培训、评价机构 {base_url}/desk/   人社、财政 {base_url}/bureau/",
        f"演示登录（点一下即可，无需密码）：{base_url}/demo/sign-in/",
    ]
    accounts = [
        (Role.WORKER, "demo-worker-2"),
        (Role.PROVIDER, "demo-school"),
        (Role.EVALUATOR, "demo-evaluator"),
        *((role, f"demo-{role.value.replace('_', '-')}") for role, _ in STAFF),
    ]
    return "\n".join([*rows, *(f"  {ROLE_LABELS[role]}：{name}" for role, name in accounts)])
