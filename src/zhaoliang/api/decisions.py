"""A decision as data for the partner's own system: each rule with its clause, the facts with their records, the amount by steps."""

from __future__ import annotations

from datetime import date

from ninja import Field, Router, Schema
from ninja.params.functions import Query

from zhaoliang.api.auth import PartnerAuth, partner_in
from zhaoliang.api.schemas import PROBLEMS
from zhaoliang.kernel.audit import record_look
from zhaoliang.kernel.errors import NotFound
from zhaoliang.policy import Citation, Decision, RuleResult
from zhaoliang.subsidies import selectors
from zhaoliang.subsidies.stored import Evidence
from zhaoliang.web.actors import ActorRequest

router = Router()


class ClauseOut(Schema):
    """A clause: `cite` is its stable name `document#clause`; `verified` is false where its text has not been read."""

    cite: str = Field(examples=["cn-12/jinrenshe-2022-20#9"])
    says: str = Field(examples=["《天津市职业技能培训补贴实施办法》（津人社局发〔2022〕20号）第九条"])
    verified: bool

    @classmethod
    def of(cls, citation: Citation) -> ClauseOut:
        """The clause of a citation."""
        return cls(cite=citation.key, says=str(citation), verified=citation.verified)


class FactOut(Schema):
    """A fact that was used: its name in the fact schema, the exact value (null: not known), and the record it rests on."""

    name: str = Field(examples=["attended_hours"])
    value: bool | int | str | None = Field(examples=[120])
    record_type: str = Field("", examples=["attendance"])
    record_id: str | None = Field(None, examples=["42"])
    source: str = Field("", examples=["签到"])


class RuleOut(Schema):
    """One rule's answer: `result` is pass, fail or cannot_tell."""

    id: str = Field(examples=["attendance"])
    result: str = Field(examples=["pass"])
    asks: str = Field(examples=["个人出勤率不低于 80%"])
    says: str = Field("", description="不通过时告诉本人的话")
    remedy: str = ""
    note: str = ""
    missing: list[str] = Field(default_factory=list, description="缺少的事实")
    clause: ClauseOut
    facts: list[FactOut]


class StepOut(Schema):
    """One step of the amount with the running total after it, in fen."""

    label: str = Field(examples=["紧缺程度"])
    operation: str = Field(examples=["× 0.9"])
    fen: int = Field(examples=[340200])
    clause: ClauseOut


class DecisionOut(Schema):
    """The latest decision on one line of a claim. `fen` is null where it cannot be worked out yet, below 0 where money goes back."""

    line_id: str = Field(examples=["1024"])
    outcome: str = Field(examples=["pass"])
    fen: int | None = Field(examples=[340200])
    pay_to: str | None = Field(examples=["provider"])
    on: date = Field(description="判断所依据的日期")
    phase: str = Field(examples=["claim"])
    policy_version: str = Field(description="所用政策文本的版本；同一版本、同样的事实永远得出同样的结果")
    rules: list[RuleOut]
    steps: list[StepOut]


@router.get(
    "/subsidies/decision",
    auth=PartnerAuth(),
    response={200: DecisionOut, **PROBLEMS},
    summary="读取一条申领明细的决定",
    tags=["补贴"],
    description="授权范围 subsidies.decisions。只能读密钥所属机构自己申领的明细；每次读取都有记录，本人看得到。",
)
def decision(request: ActorRequest, line_id: int = Query(..., ge=1)) -> DecisionOut:
    """What was decided on a line of the partner's organisation, rule by rule."""
    partner = partner_in(request, "subsidies.decisions")
    line = selectors.claim_line(partner.place.city_code, line_id)
    own = partner.place.organisation_id is not None and line.claim.provider_id == partner.place.organisation_id
    if not own or line.decision is None:
        raise NotFound("没有读取。", "本机构没有这条已作出决定的申领明细。", "请核对编号；还没有审核的，审核以后再读。")
    record_look(actor=partner.actor, target=line, at=request.at, why="开放接口读取补贴决定")
    made = Decision.from_json(line.decision.record)
    return DecisionOut(
        line_id=str(line.pk),
        outcome=made.outcome.value,
        fen=made.fen,
        pay_to=line.decision.record["payee"]["to"] or None,
        on=made.on,
        phase=made.phase,
        policy_version=made.policy_version,
        rules=[_rule(result, line.decision.evidence) for result in made.results],
        steps=[
            StepOut(label=one.label, operation=one.operation, fen=one.value_fen, clause=ClauseOut.of(one.citation))
            for one in made.steps
        ],
    )


def _rule(result: RuleResult, evidence: Evidence) -> RuleOut:
    return RuleOut(
        id=result.rule_id,
        result=result.outcome.value,
        asks=result.asks or result.says,
        says=result.says,
        remedy=result.remedy,
        note=result.note,
        missing=list(result.missing),
        clause=ClauseOut.of(result.citation),
        facts=[_fact(name, value, evidence) for name, value in result.facts_used.items()],
    )


def _fact(name: str, value: bool | int | str | None, evidence: Evidence) -> FactOut:
    held = evidence.get(name, {})
    row = held.get("id")
    return FactOut(
        name=name,
        value=value,
        record_type=str(held.get("type") or ""),
        record_id=str(row) if row is not None else None,
        source=str(held.get("source") or ""),
    )
