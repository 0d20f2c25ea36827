"""Law as code: policy texts as data, decided in three values, every answer with its clause. Pure Python, no Django."""

from zhaoliang.policy.decision import AmountStep, Decision, RuleResult
from zhaoliang.policy.errors import FactError, PolicyError, PolicyFileError, PolicyVersionGone, UnknownCitation
from zhaoliang.policy.explain import explain
from zhaoliang.policy.facts import Fact, FactSchema
from zhaoliang.policy.model import Citation, ClockValue, Document, Outcome, ParameterValue, Payee, Phase
from zhaoliang.policy.spread import Spread, spread, spread_of
from zhaoliang.policy.store import PolicySet, PolicyStore

__all__ = [
    "AmountStep",
    "Citation",
    "ClockValue",
    "Decision",
    "Document",
    "Fact",
    "FactError",
    "FactSchema",
    "Outcome",
    "ParameterValue",
    "Payee",
    "Phase",
    "PolicyError",
    "PolicyFileError",
    "PolicySet",
    "PolicyStore",
    "PolicyVersionGone",
    "RuleResult",
    "Spread",
    "UnknownCitation",
    "explain",
    "spread",
    "spread_of",
]
