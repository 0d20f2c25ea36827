"""State machines as tables. `Machine.fire` is the only place on the platform where a state changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

from zhaoliang.kernel.db.copying import column_of
from zhaoliang.kernel.db.lookups import id_array
from zhaoliang.kernel.errors import WrongState


@dataclass(frozen=True)
class Transition:
    """One row of a machine: from `source`, on `event`, to `target`; `citation` names the clause that asks for it."""

    source: str
    event: str
    target: str
    citation: str = ""


@dataclass(frozen=True)
class EachRow:
    """What `fire_ids` writes differently into each row: a select of `id` and these columns, one row for each of its ids.

    Its parameters have names, none of which begins with "to_".
    """

    columns: Sequence[str]
    select: str
    parameters: Mapping[str, Any]


class Machine:
    """A named state machine. `states` and `events` map the code to its Chinese word, `tones` a state to its badge tone."""

    registry: dict[str, Machine] = {}

    def __init__(
        self,
        name: str,
        *,
        noun: str,
        states: Mapping[str, str],
        events: Mapping[str, str],
        initial: str,
        transitions: Iterable[tuple[str, str, str] | tuple[str, str, str, str]],
        tones: Mapping[str, str] | None = None,
    ) -> None:
        self.name, self.noun, self.states, self.events, self.initial = name, noun, dict(states), dict(events), initial
        self.tones = dict(tones or {})
        self.table: dict[tuple[str, str], Transition] = {}
        for row in transitions:
            transition = Transition(*row)
            unknown = {transition.source, transition.target} - set(self.states) or {transition.event} - set(self.events)
            if unknown or (transition.source, transition.event) in self.table:
                raise ValueError(f"{name}: row {row} names something unknown or is there twice")
            self.table[transition.source, transition.event] = transition
        if name in Machine.registry:
            raise ValueError(f"machine {name} is declared twice")
        Machine.registry[name] = self

    def field(self) -> models.CharField:
        """The model field that holds the state."""
        return models.CharField("状态", max_length=20, choices=list(self.states.items()), default=self.initial)

    def constraint(self, table: str) -> models.CheckConstraint:
        """The database's own refusal of a state that is not in the table."""
        return models.CheckConstraint(condition=models.Q(state__in=sorted(self.states)), name=f"{table}_state_known")

    def allows(self, state: str, event: str) -> bool:
        return (state, event) in self.table

    def sources(self, event: str) -> list[str]:
        """The states from which `event` is possible."""
        return sorted(source for source, name in self.table if name == event)

    def refusal(self, state: str, event: str) -> WrongState:
        """The refusal for an event that this state does not know."""
        possible = "、".join(f"“{self.states[source]}”" for source in self.sources(event))
        return WrongState(
            what=f"没有{self.events[event]}：{self.noun}现在是“{self.states[state]}”。",
            why=f"只有{possible}的{self.noun}才能{self.events[event]}。",
            next_step="请刷新页面看最新状态；如果别人刚刚处理过，就不用再做一次。",
        )

    def fire_all(self, instances: Sequence[Any], event: str, **changes: Any) -> None:
        """`fire` for many rows of one city, the same changes for all, in two statements a source state.

        Must run inside an act. Raises WrongState when one of them does not allow the event; then none has moved.
        """
        from zhaoliang.kernel.acts import running
        from zhaoliang.kernel.models import StateChange

        act = running()
        by_source: dict[str, list[Any]] = {}
        for instance in instances:
            if not self.allows(instance.state, event):
                raise self.refusal(instance.state, event)
            by_source.setdefault(instance.state, []).append(instance)
        for source, rows in by_source.items():
            target, city_code = self.table[source, event].target, rows[0].city_code
            found = type(rows[0]).objects.filter(
                city_code=city_code, pk__any_of=[row.pk for row in rows if row.city_code == city_code], state=source
            )
            with transaction.atomic():
                if found.update(state=target, **changes) != len(rows):
                    raise self.refusal(source, event)
            for row in rows:
                row.state = target
                for name, value in changes.items():
                    setattr(row, name, value)
            StateChange.objects.bulk_create(
                StateChange(
                    city_code=row.city_code,
                    machine=self.name,
                    object_id=row.pk,
                    source=source,
                    event=event,
                    target=target,
                    at=act.at,
                    actor_name=act.actor.name,
                    actor_user_id=act.actor.user_id,
                )
                for row in rows
            )

    def fire_ids(
        self,
        model: type[models.Model],
        city_code: int,
        ids: Sequence[int],
        event: str,
        *,
        source: str,
        each: EachRow | None = None,
        **changes: Any,
    ) -> None:
        """`fire` for any number of rows of a city by their ids, without reading them: one statement, 100,000 rows in seconds.

        All stand in `source`, `changes` are the same for all and `each` says what is not. Must run inside an act. Raises
        WrongState when one of them is not in `source` or `each` knows nothing of it; then none has moved.
        """
        from zhaoliang.kernel.acts import running
        from zhaoliang.kernel.models import StateChange

        if not ids:
            return
        act = running()
        if not self.allows(source, event):
            raise self.refusal(source, event)
        quote = connection.ops.quote_name
        fields = [(column_of(model, name), value) for name, value in changes.items()]
        sets = "".join(f", {quote(str(field.column))} = %(to_{place})s" for place, (field, _) in enumerate(fields))
        beside, which = "", "moving.id = ANY(%(to_ids)s::bigint[])"
        if each is not None:
            # In place of the ids and not beside them: an index that is asked for each row would read all of them each time.
            sets += "".join(f", {quote(name)} = each.{quote(name)}" for name in each.columns)
            beside, which = f" FROM ({each.select}) AS each", "moving.id = each.id"
        statement = (
            f"WITH moved AS (UPDATE {quote(model._meta.db_table)} AS moving SET state = %(to_target)s{sets}{beside}"
            f" WHERE moving.city_code = %(to_city)s AND moving.state = %(to_source)s AND {which}"
            f" RETURNING moving.city_code, moving.id) INSERT INTO {quote(StateChange._meta.db_table)}"
            " (city_code, machine, object_id, source, event, target, at, actor_name, actor_user_id)"
            " SELECT city_code, %(to_machine)s, id, %(to_source)s, %(to_event)s, %(to_target)s, %(to_at)s, %(to_actor)s,"
            " %(to_user)s FROM moved"
        )
        values = {f"to_{n}": field.get_db_prep_save(value, connection) for n, (field, value) in enumerate(fields)}
        values |= {"to_city": city_code, "to_source": source, "to_target": self.table[source, event].target}
        values |= {"to_machine": self.name, "to_event": event}
        values |= {"to_at": act.at, "to_actor": act.actor.name, "to_user": act.actor.user_id}
        values |= {"to_ids": id_array(ids)} if each is None else each.parameters
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)
            if cursor.rowcount != len(ids):
                raise self.refusal(source, event)

    def fire_chosen(
        self,
        model: type[models.Model],
        city_code: int,
        chosen: str,
        given: Mapping[str, Any],
        *,
        changes: Sequence[str] = (),
    ) -> int:
        """`fire` for the rows of a city that a select chooses, each by its own event and with its own `changes`: one update a row.

        `chosen` gives `id`, `source` (the state), `event` and the column of each field in `changes`; `given` are its
        parameters, with `city`. Must run inside an act. Returns how many moved. Raises WrongState when one of the rows
        does not allow its event or is not in its source; then none has moved.
        """
        from zhaoliang.kernel.acts import running
        from zhaoliang.kernel.models import StateChange

        act = running()
        quote = connection.ops.quote_name
        columns = [quote(str(column_of(model, name).column)) for name in changes]
        sets = "".join(f", {column} = chosen.{column}" for column in columns)
        table = quote(model._meta.db_table)
        statement = (
            f"WITH chosen AS MATERIALIZED ({chosen}),"
            " known AS (SELECT * FROM unnest(%(known_sources)s::text[], %(known_events)s::text[], %(known_targets)s::text[])"
            " AS row (source, event, target)),"
            f" moved AS (UPDATE {table} SET state = known.target{sets}"
            " FROM chosen JOIN known ON known.source = chosen.source AND known.event = chosen.event"
            f" WHERE {table}.city_code = %(city)s AND {table}.id = chosen.id AND {table}.state = chosen.source"
            f" RETURNING {table}.id, known.source, known.event, known.target),"
            f" noted AS (INSERT INTO {quote(StateChange._meta.db_table)}"
            " (city_code, machine, object_id, source, event, target, at, actor_name, actor_user_id)"
            " SELECT %(city)s, %(machine)s, id, source, event, target, %(fired_at)s, %(actor_name)s, %(actor_user)s"
            " FROM moved ORDER BY id)"
            " SELECT (SELECT count(*) FROM chosen), (SELECT count(*) FROM moved),"
            " (SELECT array[source, event] FROM chosen LIMIT 1)"
        )
        parameters = {
            "city": city_code,
            "machine": self.name,
            "known_sources": [row.source for row in self.table.values()],
            "known_events": [row.event for row in self.table.values()],
            "known_targets": [row.target for row in self.table.values()],
            "fired_at": act.at,
            "actor_name": act.actor.name,
            "actor_user": act.actor.user_id,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, dict(given) | parameters)
            asked, moved, one = cursor.fetchone() or (0, 0, ("", ""))
            if moved != asked:
                raise self.refusal(*one)
        return moved

    def fire(self, instance: Any, event: str, **changes: Any) -> None:
        """Move `instance` by `event`, writing `changes` in the same conditional UPDATE; records the change for timelines.

        Must run inside an act. Raises WrongState when the state in the database does not allow the event.
        """
        from zhaoliang.kernel.acts import running
        from zhaoliang.kernel.models import StateChange

        act = running()
        source = instance.state
        transition = self.table.get((source, event))
        if transition is None:
            raise self.refusal(source, event)
        changed = (
            type(instance)
            .objects.filter(city_code=instance.city_code, pk=instance.pk, state=source)
            .update(state=transition.target, **changes)
        )
        if not changed:
            instance.refresh_from_db()
            raise self.refusal(instance.state, event)
        instance.state = transition.target
        for name, value in changes.items():
            setattr(instance, name, value)
        StateChange.objects.create(
            city_code=instance.city_code,
            machine=self.name,
            object_id=instance.pk,
            source=source,
            event=event,
            target=transition.target,
            at=act.at,
            actor_name=act.actor.name,
            actor_user_id=act.actor.user_id,
        )
