"""Who may act: roles, the reach of a role, and the actor that every service is given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """Roles of the platform. A user holds them through assignments that name a region or an organisation."""

    WORKER = "worker"
    PROVIDER = "provider"
    EVALUATOR = "evaluator"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    FUND_OFFICER = "fund_officer"
    INSPECTOR = "inspector"
    ADMINISTRATOR = "administrator"
    FINANCE = "finance"
    AUDITOR = "auditor"
    PARTNER = "partner"
    SYSTEM = "system"


ROLE_LABELS = {
    Role.WORKER: "劳动者",
    Role.PROVIDER: "培训机构人员",
    Role.EVALUATOR: "评价机构人员",
    Role.REVIEWER: "人社审核员",
    Role.APPROVER: "人社复核审批员",
    Role.FUND_OFFICER: "人社资金管理员",
    Role.INSPECTOR: "人社监管员",
    Role.ADMINISTRATOR: "人社系统管理员",
    Role.FINANCE: "财政部门人员",
    Role.AUDITOR: "审计人员",
    Role.PARTNER: "对接系统",
    Role.SYSTEM: "系统时钟",
}

BUREAU_ROLES = frozenset(
    {Role.REVIEWER, Role.APPROVER, Role.FUND_OFFICER, Role.INSPECTOR, Role.ADMINISTRATOR, Role.FINANCE, Role.AUDITOR}
)
ORGANISATION_ROLES = frozenset({Role.PROVIDER, Role.EVALUATOR, Role.PARTNER})


class Reach(StrEnum):
    """How far a grant goes: the actor's own file, own organisation, own region and all below it, or everybody's."""

    SELF = "self"
    ORGANISATION = "organisation"
    REGION = "region"
    ANY = "any"


NATION = 100000


def region_covers(above: int, below: int) -> bool:
    """Whether the region `above` is `below` or one of its parents, by GB/T 2260 code (100000 is the nation)."""
    if above in (NATION, below):
        return True
    if above % 10000 == 0:
        return below // 10000 == above // 10000
    if above % 100 == 0:
        return below // 100 == above // 100
    return False


def region_codes(above: int) -> tuple[int, int]:
    """The lowest and highest GB/T 2260 code that `region_covers(above, …)` holds for, as a query range."""
    if above == NATION:
        return (100000, 999999)
    step = 10000 if above % 10000 == 0 else 100 if above % 100 == 0 else 1
    return (above, above + step - 1)


def within(field: str, above: int) -> dict[str, int]:
    """The query conditions that a region code column lies under `above`; a foreign key takes no `__range`."""
    low, high = region_codes(above)
    return {f"{field}__gte": low, f"{field}__lte": high}


@dataclass(frozen=True)
class Access:
    """What the permission rules need to know of an object: where it lies and whose it is."""

    city_code: int
    region_code: int
    organisation_ids: frozenset[int] = frozenset()
    person_id: int | None = None


@dataclass(frozen=True)
class Place:
    """Where a new thing comes to be, for acts that have no object yet."""

    city_code: int
    region_code: int
    organisation_id: int | None = None
    person_id: int | None = None

    def access(self) -> Access:
        ids = frozenset({self.organisation_id} if self.organisation_id is not None else ())
        return Access(self.city_code, self.region_code, ids, self.person_id)


@dataclass(frozen=True)
class Assignment:
    """One role of a user. Bureau roles name a region, organisation roles an organisation (by its city and id)."""

    role: Role
    region_code: int
    city_code: int
    organisation_id: int | None = None


@dataclass(frozen=True)
class Actor:
    """Who acts. `person_id` is the natural person behind the account, so that two accounts of one person count as one."""

    user_id: int | None
    person_id: int | None
    name: str
    assignments: tuple[Assignment, ...] = ()

    @property
    def is_anonymous(self) -> bool:
        return self.user_id is None and not self.assignments

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(assignment.role for assignment in self.assignments)

    def has(self, *roles: Role) -> bool:
        return bool(self.roles & set(roles))

    def reaches(self, grants: dict[Role, Reach], access: Access | None) -> bool:
        """Whether one of the actor's assignments is granted a reach that includes the object (None: no object yet)."""
        return any(
            assignment.role in grants and self._includes(assignment, grants[assignment.role], access)
            for assignment in self.assignments
        )

    def _includes(self, assignment: Assignment, reach: Reach, access: Access | None) -> bool:
        if reach is Reach.ANY or access is None:
            return True
        if reach is Reach.SELF:
            return self.person_id is not None and access.person_id == self.person_id
        if reach is Reach.ORGANISATION:
            return assignment.organisation_id is not None and assignment.organisation_id in access.organisation_ids
        return region_covers(assignment.region_code, access.region_code)


ANONYMOUS = Actor(user_id=None, person_id=None, name="未登录")


def system_actor(name: str = "系统") -> Actor:
    """The clock: closes what ran out, settles what the bank answered. Only acts that grant SYSTEM accept it."""
    return Actor(None, None, name, (Assignment(Role.SYSTEM, NATION, NATION),))
