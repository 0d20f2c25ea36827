"""ISO 20022 pain.001.001.09, the payment order as banks' direct connections take it. The same bytes every time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from xml.sax.saxutils import escape

from zhaoliang.kernel.days import chinese_day
from zhaoliang.payments.models import PaymentBatch

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


@dataclass(frozen=True)
class Order:
    """One credit transfer of a batch: reference, name, account number, fen, purpose in words."""

    reference: str
    name: str
    account: str
    amount_fen: int
    purpose: str


def pain001(batch: PaymentBatch, orders: Iterable[Order], *, count: int, total_fen: int) -> Iterator[bytes]:
    """The payment order of a batch with a paying account, piece by piece; `count` and `total_fen` are those of `orders`."""
    return (part.encode() for part in _parts(batch, orders, count, decimal(total_fen)))


def _parts(batch: PaymentBatch, orders: Iterable[Order], count: int, total: str) -> Iterator[str]:
    account = batch.paying_account
    assert account is not None
    counts = f"<NbOfTxs>{count}</NbOfTxs><CtrlSum>{total}</CtrlSum>"
    payer = f"<Nm>{escape(account.account_name)}</Nm>"
    created = batch.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{NAMESPACE}"><CstmrCdtTrfInitn>'
    yield f"<GrpHdr><MsgId>{batch.number}</MsgId><CreDtTm>{created}</CreDtTm>{counts}<InitgPty>{payer}</InitgPty></GrpHdr>"
    # Booked line by line, so that the statement says of each payment what became of it.
    yield f"<PmtInf><PmtInfId>{batch.number}</PmtInfId><PmtMtd>TRF</PmtMtd><BtchBookg>false</BtchBookg>{counts}"
    yield f"<ReqdExctnDt><Dt>{chinese_day(batch.created_at)}</Dt></ReqdExctnDt><Dbtr>{payer}</Dbtr>"
    yield f"<DbtrAcct><Id><Othr><Id>{escape(account.account_number)}</Id></Othr></Id><Ccy>CNY</Ccy></DbtrAcct>"
    yield f"<DbtrAgt>{_bank(account.bank_code, account.bank_name)}</DbtrAgt>\n"
    for order in orders:
        yield (
            f"<CdtTrfTxInf><PmtId><InstrId>{order.reference}</InstrId><EndToEndId>{order.reference}</EndToEndId></PmtId>"
            f'<Amt><InstdAmt Ccy="CNY">{decimal(order.amount_fen)}</InstdAmt></Amt>'
            f"<Cdtr><Nm>{escape(order.name)}</Nm></Cdtr>"
            f"<CdtrAcct><Id><Othr><Id>{escape(order.account)}</Id></Othr></Id></CdtrAcct>"
            f"<RmtInf><Ustrd>{escape(order.purpose)}</Ustrd></RmtInf></CdtTrfTxInf>\n"
        )
    yield "</PmtInf></CstmrCdtTrfInitn></Document>\n"


def _bank(code: str, name: str) -> str:
    """The paying bank by its number in the national clearing system (CNAPS), and its name."""
    member = (
        f"<ClrSysMmbId><ClrSysId><Cd>CNAPS</Cd></ClrSysId><MmbId>{escape(code)}</MmbId></ClrSysMmbId>" if code else ""
    )
    return f"<FinInstnId>{member}<Nm>{escape(name)}</Nm></FinInstnId>"


def decimal(amount_fen: int) -> str:
    """Fen as bank files write them: 378000 → 3780.00."""
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"
