"""Where a lower text says otherwise than a higher one: both clauses side by side, and in which direction.

What a lower text asks beyond the higher one tightens; what it lets through that the higher one refuses widens. A rule by
hukou or residence stands against 人社部函〔2021〕14号 七 whatever it says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal

from zhaoliang.policy.expressions import Case, Name, Node, Operation, Value, names_in
from zhaoliang.policy.model import Citation, Document, OpenTerm, Rule
from zhaoliang.policy.store import PolicyStore, region_chain
from zhaoliang.policy.truth import Bound, Trial, facts_of, set_with
from zhaoliang.policy.wording import figure_text

Direction = Literal["tightens", "widens", "restates", "hukou"]
DIRECTIONS: dict[Direction, str] = {
    "tightens": "收紧",
    "widens": "放宽",
    "restates": "重述",
    "hukou": "以户籍或所在地为条件",
}
RESIDENCE = "residence"
GROUP = "group"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A lower clause beside the higher one it departs from or restates. `part` is the lower text's part.

    `binding` is false where the lower rule is kept from refusing for it.
    """

    document: Document
    part: str
    lower: Citation
    higher: Citation
    direction: Direction
    text: str
    binding: bool = True


def conflicts(store: PolicyStore) -> tuple[Conflict, ...]:
    """Every place where a lower text fills, tightens, widens or restates a higher one, in file order."""
    return tuple(_Search(store).found())


@dataclass(frozen=True)
class _Search:
    store: PolicyStore

    def found(self) -> Iterator[Conflict]:
        for document in self.store.documents:
            yield from self._filled(document)
            for higher in self._above(document):
                yield from self._figures(document, higher)
                yield from self._rules(document, higher)
            yield from self._residence(document)

    def _above(self, document: Document) -> Iterator[Document]:
        """The texts of the regions above that are in force together with this one."""
        yield from (other for other in self._over(document) if other.region != document.region)

    def _over(self, document: Document) -> Iterator[Document]:
        """The other texts of this place and those above it that are in force together with this one."""
        for other in self.store.documents:
            if other.id != document.id and other.region in region_chain(document.region) and together(document, other):
                yield other

    def _filled(self, document: Document) -> Iterator[Conflict]:
        filled = {key: name for key, name in document.fills.items() if name in document.parameters}
        for key, name in filled.items():
            document_id, _, term_name = key.partition("#")
            for higher in self.store.documents:
                if higher.id == document_id and term_name in higher.opens and together(document, higher):
                    term, parameter = higher.opens[term_name], document.parameters[name]
                    for dated in parameter.values:
                        direction, how = _against_bounds(dated.value, term)
                        yield Conflict(
                            document,
                            f"parameters.{name}",
                            self.store.citation(dated.cite),
                            self.store.citation(term.cite),
                            direction,
                            f"{term.says}：上级留给下级确定（{_bounds(term)}），本级定为"
                            f"{figure_text(dated.value, parameter.unit)}，{how}",
                        )

    def _figures(self, document: Document, higher: Document) -> Iterator[Conflict]:
        """A figure of the same name: the lower text's stands where the platform asks for it by name."""
        on = max(document.start, higher.start)
        for name, parameter in document.parameters.items():
            above = higher.parameters.get(name)
            here, there = parameter.on(on), above.on(on) if above else None
            if above is None or here is None or there is None or above.unit != parameter.unit:
                continue
            sign = generosity(document, name) or generosity(higher, name)
            yield Conflict(
                document,
                f"parameters.{name}",
                self.store.citation(here.cite),
                self.store.citation(there.cite),
                _direction(here.value, there.value, sign),
                f"{parameter.says}：上级 {figure_text(there.value, above.unit)}，"
                f"本级 {figure_text(here.value, parameter.unit)}",
            )
        for name, clock in document.clocks.items():
            held = higher.clocks.get(name)
            if held is not None and held.unit == clock.unit:
                yield Conflict(
                    document,
                    f"clocks.{name}",
                    self.store.citation(clock.cite),
                    self.store.citation(held.cite),
                    _direction(clock.value, held.value, generosity(document, name) or 1),
                    f"{clock.says}：上级 {figure_text(held.value, held.unit)}，本级 {figure_text(clock.value, clock.unit)}",
                )

    def _rules(self, document: Document, higher: Document) -> Iterator[Conflict]:
        for rule in document.rules:
            for above in higher.rules:
                if not (rule.schemes & above.schemes and rule.phases & above.phases):
                    continue
                if _comparable(rule, above):
                    yield from self._compared(Bound(document, rule), Bound(higher, above))
                elif GROUP in _asked(rule) & _asked(above):
                    yield from self._groups(Bound(document, rule), Bound(higher, above))

    def _compared(self, lower: Bound, higher: Bound) -> Iterator[Conflict]:
        on = max(lower.document.start, higher.document.start)
        scheme = min(lower.rule.schemes & higher.rule.schemes)
        trial = Trial(set_with(self.store, lower.document, scheme, on))
        cases = trial.cases([lower, higher])
        if cases is None:
            return
        examples: dict[Direction, dict[str, Value]] = {}
        restated = lower.rule.id == higher.rule.id
        for facts in cases:
            (applies, here), (_, there) = trial.answer(lower, facts), trial.answer(higher, facts)
            if here is False and there is True:
                examples.setdefault("tightens", facts)
            # Where the lower rule does not apply it says nothing, unless it stands for the higher one.
            elif here is True and there is False and (applies or restated):
                examples.setdefault("widens", facts)
        for direction, example in examples.items():
            yield self._conflict(lower, higher, direction, self._told(lower, direction, example, restated))
        if not examples:
            text = f"{lower.rule.says}：与上级“{higher.rule.says}”相同"
            yield self._conflict(lower, higher, "restates", text)

    def _groups(self, lower: Bound, higher: Bound) -> Iterator[Conflict]:
        """Who is covered, group by group, where both rules name groups among other things."""
        on = max(lower.document.start, higher.document.start)
        scheme = min(lower.rule.schemes & higher.rule.schemes)
        trial = Trial(set_with(self.store, lower.document, scheme, on))
        here, there = (self._covered(trial, bound) for bound in (lower, higher))
        facts = self.store.facts_for(lower.document.region)
        for direction, only in (("tightens", there - here), ("widens", here - there)):
            if here and there and only:
                shown = "、".join(facts.show(GROUP, code) for code in sorted(only))
                which = "上级包括而本级不包括" if direction == "tightens" else "本级另外包括"
                text = f"{lower.rule.asks}：{which}：{shown}"
                yield self._conflict(lower, higher, "tightens" if direction == "tightens" else "widens", text)

    def _covered(self, trial: Trial, bound: Bound) -> set[str]:
        """The groups of whom somebody can pass the rule."""
        cases = trial.cases([bound]) or ()
        return {str(facts[GROUP]) for facts in cases if GROUP in facts and trial.answer(bound, facts) == (True, True)}

    def _told(self, lower: Bound, direction: Direction, example: dict[str, Value], restated: bool) -> str:
        facts = self.store.facts_for(lower.document.region)
        shown = "，".join(f"{facts.label(name)}为{facts.show(name, value)}" for name, value in example.items())
        if direction == "tightens":
            effect = "上级没有这样要求的，本级不予补贴"
        elif restated:
            effect = "本级规则代替了上级规则，上级不予补贴的，本级可以补贴"
        else:
            effect = "上级规则同时适用，仍按上级办理"
        return f"{lower.rule.says}：{effect}（例如{shown}）"

    def _conflict(self, lower: Bound, higher: Bound, direction: Direction, text: str) -> Conflict:
        return Conflict(
            lower.document,
            lower.rule.part,
            self.store.citation(lower.rule.cite),
            self.store.citation(higher.rule.cite),
            direction,
            text,
            not lower.rule.review_only,
        )

    def _residence(self, document: Document) -> Iterator[Conflict]:
        facts = self.store.facts_for(document.region).facts
        marked = {name for name, fact in facts.items() if fact.residence}
        for rule in document.rules:
            read = facts_of(document, Bound(document, rule).nodes) & marked
            for above in self._over(document) if read else ():
                for clause in above.clauses.values():
                    if clause.forbids == RESIDENCE:
                        yield Conflict(
                            document,
                            rule.part,
                            self.store.citation(rule.cite),
                            self.store.citation(f"{above.id}#{clause.id}"),
                            "hukou",
                            self._decided(rule, [facts[name].label for name in sorted(read)], document, read),
                            rule.decision is not None,
                        )
        for amount in document.amounts:
            read = facts_of(document, amount.nodes) & marked
            for above in self._over(document) if read else ():
                for clause in above.clauses.values():
                    if clause.forbids == RESIDENCE:
                        labels = "、".join(facts[name].label for name in sorted(read))
                        yield Conflict(
                            document,
                            f"amounts.{amount.id}",
                            self.store.citation(amount.cite),
                            self.store.citation(f"{above.id}#{clause.id}"),
                            "hukou",
                            f"{amount.says}：金额看{labels}。已记录本地决定：{amount.decision}",
                        )

    def _decided(self, rule: Rule, labels: list[str], document: Document, read: frozenset[str]) -> str:
        how = "没有别的途径，属于限制" if self._only_by(rule, document, read) else "另有别的途径，属于放宽时附加的条件"
        bound = (
            f"已记录本地决定：{rule.decision}"
            if rule.decision is not None
            else "没有记录本地决定，不据此拒绝任何人，转人工"
        )
        return f"{rule.says}：看{'、'.join(labels)}，{how}。{bound}"

    def _only_by(self, rule: Rule, document: Document, read: frozenset[str]) -> bool:
        """Whether nobody passes on whom every residence fact goes against: the rule restricts by it."""
        bound = Bound(document, rule)
        trial = Trial(set_with(self.store, document, min(rule.schemes), document.start))
        cases = list(trial.cases([bound]) or ())
        others = [facts for facts in cases if all(facts[name] in (False, 0) for name in read)]
        return bool(others) and all(trial.answer(bound, facts) != (True, True) for facts in others)


def generosity(document: Document, figure: str) -> int:
    """1 where more of the figure lets more through or pays more, -1 where less does, 0 where it cannot be told."""
    signs = {_sign(rule.must, figure) for rule in document.rules}
    for amount in document.amounts:
        signs |= {_sign(amount.base, figure), *(_sign(step.value, figure) for step in amount.steps)}
    told = {sign for sign in signs if sign}
    return told.pop() if len(told) == 1 else 0


def _sign(node: Node | None, figure: str) -> int:
    """The direction in which the value (or the truth) of the expression goes with the figure."""
    match node:
        case Name(name=name):
            return int(name == figure)
        case Case(branches=branches, otherwise=otherwise):
            values = [value for _, value in branches] + ([otherwise] if otherwise is not None else [])
            return _one({_sign(value, figure) for value in values})
        case Operation(op="not", args=(arg,)):
            return -_sign(arg, figure)
        case Operation(op="-" | ">=" | ">" | "whole_div" | "ratio", args=(left, right)):
            return _one({_sign(left, figure), -_sign(right, figure)})
        case Operation(op="<=" | "<", args=(left, right)):
            return _one({-_sign(left, figure), _sign(right, figure)})
        case Operation(op="named" | "and" | "or" | "+" | "*" | "least" | "greatest" | "floor" | "ceil", args=args):
            return _one({_sign(arg, figure) for arg in args})
    return 0


def _one(signs: set[int]) -> int:
    told = signs - {0}
    return told.pop() if len(told) == 1 else 0


def _comparable(rule: Rule, above: Rule) -> bool:
    """Whether two rules ask about the same thing: one name, a restated clause, or the same counted or tested facts."""
    here, there = _asked(rule), _asked(above)
    return rule.id == above.id or here == there or (above.cite in rule.also and not here.isdisjoint(there))


def _asked(rule: Rule) -> frozenset[str]:
    """The facts a rule is about: what a limit counts, else all that its condition reads."""
    must = rule.must
    if rule.kind == "limit" and isinstance(must, Operation):
        must = must.args[0]
    return frozenset(name.name for name in names_in(must) if name.is_fact)


def together(one: Document, other: Document) -> bool:
    """Whether two texts are in force on some common day."""
    last = min(one.end or date.max, other.end or date.max)
    return max(one.start, other.start) <= last


def _direction(here: int | Fraction | date, there: int | Fraction | date, sign: int) -> Direction:
    if here == there:
        return "restates"
    if isinstance(here, date) or isinstance(there, date):
        return "tightens"
    return "widens" if (here > there) == (sign >= 0) else "tightens"


def _against_bounds(value: int | Fraction | date, term: OpenTerm) -> tuple[Direction, str]:
    if value == term.at_most:
        return "restates", "用足上级允许的上限"
    if value == term.at_least:
        return "restates", "取上级允许的下限"
    if term.at_most is not None:
        return "tightens", "低于上级允许的上限"
    return "widens", "高于上级规定的下限" if term.at_least is not None else "上级没有规定上下限"


def _bounds(term: OpenTerm) -> str:
    low = f"不低于{figure_text(term.at_least, term.unit)}" if term.at_least is not None else ""
    high = f"不高于{figure_text(term.at_most, term.unit)}" if term.at_most is not None else ""
    return "、".join(word for word in (low, high) if word) or "没有上下限"
