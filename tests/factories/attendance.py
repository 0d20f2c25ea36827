"""Running classes and their attendance."""

from __future__ import annotations

from datetime import datetime

from factories.classes import START, accepted, moment, staff
from zhaoliang.attendance import services
from zhaoliang.attendance.models import Attendance
from zhaoliang.classes.models import TrainingClass

OPENING = moment(START, 7)


def running(training_class: TrainingClass | None = None, *, at: datetime = OPENING, people: int = 1) -> TrainingClass:
    """A class that started this morning."""
    made = training_class or accepted(people=people)
    return services.start_class(actor=staff(made), at=at, training_class=made)


def first_attendance(training_class: TrainingClass) -> Attendance:
    """What is expected of the first trainee in the first session."""
    return (
        Attendance.objects.filter(city_code=training_class.city_code, session__training_class=training_class)
        .select_related("session__training_class__site", "enrolment__training_class__project", "person")
        .order_by("period", "id")[0]
    )
