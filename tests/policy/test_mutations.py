"""The scenarios notice when a rule is bent: at least nine of ten small changes to the rules make one of them fail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from policy.texts import RUNS, STORE
from zhaoliang.policy import Document
from zhaoliang.policy.expressions import Case, Constant, Node, Operation
from zhaoliang.policy.model import Rule
from zhaoliang.policy.scenarios import decide_scenario
from zhaoliang.policy.store import PolicyStore

BENT = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "=": "<>", "<>": "=", "and": "or", "or": "and"}
ENOUGH = 0.9


def bend(node: Node) -> Iterator[Node]:
    """The node with one thing changed, in each possible place."""
    if isinstance(node, Operation):
        if node.op in BENT:
            yield replace(node, op=BENT[node.op])
        if node.op == "not":
            yield node.args[0]
        for index, arg in enumerate(node.args):
            for changed in bend(arg):
                yield replace(node, args=(*node.args[:index], changed, *node.args[index + 1 :]))
    elif isinstance(node, Constant) and type(node.value) is int:
        yield replace(node, value=node.value + 1)
    elif isinstance(node, Case):
        for index, (condition, value) in enumerate(node.branches):
            for changed in bend(condition):
                branches = (*node.branches[:index], (changed, value), *node.branches[index + 1 :])
                yield replace(node, branches=branches)


def mutants() -> Iterator[tuple[Document, Rule, Rule]]:
    for document in STORE.documents:
        for rule in document.rules:
            yield from ((document, rule, replace(rule, must=changed)) for changed in bend(rule.must))
            if rule.when is not None:
                yield document, rule, replace(rule, when=None)
                yield from ((document, rule, replace(rule, when=changed)) for changed in bend(rule.when))


def notices(document: Document, rule: Rule, mutant: Rule) -> bool:
    rules = tuple(mutant if one is rule else one for one in document.rules)
    texts = tuple(replace(one, rules=rules) if one is document else one for one in STORE.documents)
    store = PolicyStore(STORE.root, STORE.facts, texts)
    for run in RUNS:
        read = {result.rule_id for result in run.decision.results}
        if rule.id in read:
            after = decide_scenario(store, run.scenario)
            if (after.outcome, after.fen) != (run.decision.outcome, run.decision.fen):
                return True
    return False


def test_scenarios_kill_nine_of_ten_bent_rules() -> None:
    alive: list[str] = []
    total = 0
    for document, rule, mutant in mutants():
        total += 1
        if not notices(document, rule, mutant):
            alive.append(f"{document.id}: {rule.id}: {rule.source}")
    score = 1 - len(alive) / total
    assert score >= ENOUGH, f"{score:.0%} of {total} killed; alive:\n" + "\n".join(alive)
