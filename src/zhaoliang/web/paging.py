"""Lists a page at a time, by key: a page begins behind the last row of the one before, wherever that row now stands.

The database walks an index to the place instead of counting rows off, so the thousandth page costs what the first does, and rows that
are added meanwhile neither repeat nor hide others. How many rows there are is counted up to a limit only.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest

from zhaoliang.kernel import crypto
from zhaoliang.kernel.signatures import KeyProblem, Tampered
from zhaoliang.web.components import formats

PAGE_SIZE = 50
# Counting is reading: beyond this many rows the exact number helps nobody on a page.
MOST_COUNTED = 10_000
# The parameters of an address that say where in a list it stands; every other choice starts the list over.
PLACES = ("after", "before")
END = "end"
_CONTEXT = "web.paging"


@dataclass(frozen=True)
class Part:
    """One page of a list. `after` and `before` are the marks of the next and the previous page, empty where there is none.

    `count` is the number of rows of the whole list; with `more` there are more than that.
    """

    rows: tuple[Any, ...]
    before: str
    after: str
    count: int
    more: bool = False

    def __iter__(self) -> Iterator[Any]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        return self.rows[place]

    @property
    def counted(self) -> str:
        """The number of rows for people: `1,204`, or `多于 10,000`."""
        return f"{'多于 ' if self.more else ''}{formats.count(self.count)}"

    @property
    def has_others(self) -> bool:
        """Whether this is not the whole list."""
        return bool(self.before or self.after)


@dataclass(frozen=True)
class _Term:
    """One key of an order, as PostgreSQL sorts: nothing comes last, or first where it is turned round."""

    path: str
    down: bool
    nullable: bool

    def turned(self) -> _Term:
        return _Term(self.path, not self.down, self.nullable)

    def of(self, row: Any) -> Any:
        """The row's value, as JSON has it."""
        for name in self.path.split("__"):
            row = getattr(row, name, None)
        value = row.pk if isinstance(row, Model) else row
        return value.isoformat() if isinstance(value, date) else value

    def same(self, value: Any) -> Q:
        return Q(**{f"{self.path}__isnull": True}) if value is None else Q(**{self.path: value})

    def beyond(self, value: Any) -> Q:
        """The rows with a later value than this one."""
        if value is None:
            return Q(**{f"{self.path}__isnull": False}) if self.down else Q(pk__in=())
        later = Q(**{f"{self.path}__{'lt' if self.down else 'gt'}": value})
        return later | Q(**{f"{self.path}__isnull": True}) if self.nullable and not self.down else later

    def not_before(self, value: Any) -> Q:
        """A bound that an index can begin at, where there is one."""
        if value is None or (self.nullable and not self.down):
            return Q()
        return Q(**{f"{self.path}__{'lte' if self.down else 'gte'}": value})


def part(request: HttpRequest, source: QuerySet[Any] | Sequence[Any], size: int = PAGE_SIZE) -> Part:
    """The page of `source` that the address asks for: `?after=` or `?before=` a mark, `?before=end` for the last one.

    A mark that is not ours, or of another order, shows the first page.
    """
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    if isinstance(source, QuerySet):
        return _by_key(source, size, after, before)
    return _by_number(source, size, after, before)


def _by_number(source: Sequence[Any], size: int, after: str, before: str) -> Part:
    """A page of what is in memory anyway: the marks are numbers of rows."""
    count = len(source)
    last = max(count - 1, 0) // size * size
    wanted = after if after.isdecimal() else "0"
    if before:
        wanted = str(int(before[:9]) - size) if before.isdecimal() else str(last)
    begin = min(max(int(wanted[:9]), 0), last)
    end = begin + size
    return Part(tuple(source[begin:end]), str(begin) if begin else "", str(end) if end < count else "", count)


def _by_key(source: QuerySet[Any], size: int, after: str, before: str) -> Part:
    source = _told_apart(source)
    terms = _terms(source)
    if before:
        values = None if before == END else _read(before, terms)
        if values is not None or before == END:
            rows = list(_from(source.reverse(), [term.turned() for term in terms], values)[: size + 1])
            # Fewer than a page stand before it: that is the first page, shown whole.
            if len(rows) > size:
                return _part(source, terms, rows[size - 1 :: -1], earlier=True, later=values is not None)
            after = ""
    values = _read(after, terms)
    rows = list(_from(source, terms, values)[: size + 1])
    if values is not None and not rows:
        # The rows behind the mark went meanwhile.
        return _by_key(source, size, "", END)
    return _part(source, terms, rows[:size], earlier=values is not None, later=len(rows) > size)


def _part(source: QuerySet[Any], terms: Sequence[_Term], rows: list[Any], *, earlier: bool, later: bool) -> Part:
    count = len(rows)
    if earlier or later:
        count = source.order_by().values("pk")[: MOST_COUNTED + 1].count()
    return Part(
        tuple(rows),
        _mark(rows[0], terms) if earlier and rows else "",
        _mark(rows[-1], terms) if later and rows else "",
        min(count, MOST_COUNTED),
        count > MOST_COUNTED,
    )


def _from(source: QuerySet[Any], terms: Sequence[_Term], values: Sequence[Any] | None) -> QuerySet[Any]:
    """The rows of `source` behind the one with these values."""
    if values is None:
        return source
    pairs = list(zip(terms, values, strict=True))
    behind = Q(pk__in=())
    for term, value in reversed(pairs):
        behind = term.beyond(value) | (term.same(value) & behind)
    first, value = pairs[0]
    return source.filter(first.not_before(value) & behind)


def _told_apart(source: QuerySet[Any]) -> QuerySet[Any]:
    """The rows in their order, which is by names, with the key last: without it two pages could overlap."""
    names = source.query.order_by
    return source if names and names[-1] in ("id", "-id", "pk", "-pk") else source.order_by(*names, "pk")


def _terms(source: QuerySet[Any]) -> list[_Term]:
    """The keys of a list's order."""
    return [
        _Term(name.removeprefix("-"), name.startswith("-"), _nullable(source.model, name.removeprefix("-")))
        for name in map(str, source.query.order_by)
    ]


def _nullable(model: Any, path: str) -> bool:
    """Whether a path of fields may come to nothing; what is not a field of the tables may."""
    for name in path.split("__"):
        if name == "pk":
            return False
        try:
            field = model._meta.get_field(name)
        except FieldDoesNotExist:
            return True
        if field.null:
            return True
        model = field.related_model
    return False


def _mark(row: Any, terms: Sequence[_Term]) -> str:
    """Where a row stands in the order, for an address. Encrypted: a list may be sorted by names."""
    said = json.dumps([_order(terms), [term.of(row) for term in terms]], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(crypto.encrypt(said, context=_CONTEXT)).decode().rstrip("=")


def _read(mark: str, terms: Sequence[_Term]) -> list[Any] | None:
    """The values of a mark; None where it is not one of this order."""
    try:
        sealed = base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4))
        order, values = json.loads(crypto.decrypt(sealed, context=_CONTEXT))
    except (binascii.Error, ValueError, Tampered, KeyProblem):
        return None
    return values if order == _order(terms) else None


def _order(terms: Sequence[_Term]) -> str:
    return ",".join(f"{'-' if term.down else ''}{term.path}" for term in terms)
