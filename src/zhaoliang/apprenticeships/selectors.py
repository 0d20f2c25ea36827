"""Questions about apprenticeship classes: their schemes, agreements and how far each apprentice came."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from zhaoliang.apprenticeships.models import Agreement, ClassScheme
from zhaoliang.classes.models import TrainingClass


def agreements_of(city_code: int, enrolment_ids: Collection[int]) -> dict[int, Agreement]:
    """The agreements of these apprentices by enrolment id; one query."""
    rows = Agreement.objects.filter(city_code=city_code, enrolment_id__in=list(enrolment_ids))
    return {row.enrolment_id: row for row in rows}


def scheme_of(training_class: TrainingClass) -> ClassScheme | None:
    """The scheme of a class that counts; None when none was entered."""
    rows = ClassScheme.objects.filter(city_code=training_class.city_code, training_class=training_class)
    return rows.order_by("-id").first()


@dataclass(frozen=True)
class Progress:
    """How far an apprentice came: whole months of those agreed, minutes credited of those planned."""

    months: int
    of_months: int
    credited: int
    planned: int

    @property
    def behind(self) -> bool:
        """Whether the lessons lag behind the calendar by more than a quarter of the time agreed."""
        return self.planned > 0 and 4 * self.credited * self.of_months < self.planned * (
            4 * self.months - self.of_months
        )


def progress(agreement: Agreement, starts_on: date, on: date, minutes: tuple[int, int]) -> Progress:
    """The progress on a day; `minutes` are planned and credited (`attendance.selectors.class_totals`)."""
    gone = (on.year - starts_on.year) * 12 + on.month - starts_on.month - (on.day < starts_on.day)
    planned, credited = minutes
    return Progress(max(0, min(gone, agreement.months)), agreement.months, credited, planned)
