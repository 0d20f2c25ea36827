"""Refusals that a person can act on: what happened, why (with the clause where the law refuses), what to do next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True)
class Clause:
    """A clause a refusal rests on, as people cite it: document number, clause, a short excerpt."""

    number: str
    ref: str
    excerpt: str = ""

    def __str__(self) -> str:
        return f"{self.number} {self.ref}".strip()


@dataclass(eq=False)
class Refusal(Exception):
    """An act that was not carried out, for a reason its caller can understand.

    `code` is stable (tests, API); `what`, `why`, `next_step` are Chinese sentences; `fields` maps a form field to its message.
    """

    what: str
    why: str = ""
    next_step: str = ""
    clause: Clause | None = None
    fields: dict[str, str] = field(default_factory=dict)

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    # Whether the refusal is stored under the idempotency key: a decision about the facts is, a passing condition is not.
    decided: ClassVar[bool] = True

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.next_step) if part)

    def as_dict(self) -> dict[str, Any]:
        """The JSON form: code, what, why, next, clause, fields."""
        return {
            "code": self.code,
            "what": self.what,
            "why": self.why,
            "next": self.next_step,
            "clause": str(self.clause) if self.clause else None,
            "fields": self.fields,
        }


def name_of(refusal: Refusal) -> str:
    """The name under which a refusal's class is stored, `module:Name`: two folders may each have their NotYet."""
    return f"{type(refusal).__module__}:{type(refusal).__name__}"


def kind_named(name: str) -> type[Refusal]:
    """The refusal class stored as `name` (or as its bare name), also when it has moved; Refusal itself when it is gone."""
    module, _, bare = name.rpartition(":")
    alike: list[type[Refusal]] = []
    waiting = [Refusal]
    while waiting:
        kind = waiting.pop()
        if kind.__name__ == bare:
            if kind.__module__ == module:
                return kind
            alike.append(kind)
        waiting.extend(kind.__subclasses__())
    return alike[0] if alike else Refusal


class Forbidden(Refusal):
    """The actor has no role that may do this to this object."""

    code = "forbidden"
    status = 403
    decided = False


class NotFound(Refusal):
    """No such object where the actor may look."""

    code = "not_found"
    status = 404
    decided = False


class BadInput(Refusal):
    """The input is incomplete or malformed; `fields` says where."""

    code = "bad_input"
    status = 422


class WrongState(Refusal):
    """The object's state does not allow this event (any more)."""

    code = "wrong_state"


class KeyReused(Refusal):
    """The idempotency key was used before with another input."""

    code = "key_reused"
    decided = False


class SamePerson(Refusal):
    """Two different people are required and one of them would be the same."""

    code = "same_person"
    status = 403
    decided = False


class Exhausted(Refusal):
    """A quota or budget has no room left."""

    code = "exhausted"


class Busy(Refusal):
    """The same thing is being done right now; try again shortly."""

    code = "busy"
    status = 503
    decided = False
