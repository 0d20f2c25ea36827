"""City keys on real PostgreSQL: the DDL, and the city carried by every way of reading and writing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.exceptions import FieldError, ValidationError
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import Count, Exists, F, OuterRef
from django.test.utils import CaptureQueriesContext

from kernel.db.citytables import TABLES, Area, Course, School, Seat, registry
from plugins.city_lint import findings
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.migrate import as_owner
from zhaoliang.kernel.db.models import CityModel

TAIAN, TIANJIN = 370900, 120100


@pytest.fixture
def tables(transactional_db: None) -> Iterator[None]:
    """The invented tables, made and dropped by the schema editor as owner."""
    with as_owner():
        with connection.schema_editor() as editor:
            for model in TABLES:
                editor.create_model(model)
        yield
        with connection.schema_editor() as editor:
            for model in reversed(TABLES):
                editor.delete_model(model)


@pytest.fixture
def course(tables: None) -> Course:
    school = School.objects.create(city_code=TAIAN, name="甲校")
    course = school.courses.create(title="焊工")
    Seat.objects.bulk_create([Seat(course=course, number=number) for number in range(3)])
    return course


def definitions(table: str) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass "
            "UNION SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s",
            [table, table],
        )
        return dict(cursor.fetchall())


def test_keys_begin_with_the_city(tables: None) -> None:
    found = " | ".join(definitions("citytables_seat").values())
    assert "PRIMARY KEY (city_code, id)" in found
    assert "FOREIGN KEY (city_code, course_id) REFERENCES citytables_course(city_code, id) ON DELETE CASCADE" in found
    assert "btree (city_code, course_id)" in found
    assert "DEFERRABLE" not in found
    with connection.cursor() as cursor:
        cursor.execute("SELECT attname FROM pg_attribute WHERE attrelid = 'citytables_seat'::regclass AND attnum = 1")
        assert cursor.fetchone() == ("city_code",)


def test_reference_tables_keep_ordinary_keys(tables: None) -> None:
    assert "FOREIGN KEY (area_id) REFERENCES citytables_area(code)" in definitions("citytables_school").values()
    school = School.objects.create(city_code=TAIAN, name="甲校", area=Area.objects.create(code="370902"))
    assert School.objects.select_related("area").get(city_code=TAIAN, pk=school.pk).area.code == "370902"


def test_altering_a_table_keeps_the_keys(tables: None) -> None:
    field = CityForeignKey(School, null=True, related_name="+")
    field.set_attributes_from_name("host")
    field.model = Course
    with connection.schema_editor() as editor:
        editor.add_field(Course, field)
    added = " | ".join(definitions("citytables_course").values())
    assert "FOREIGN KEY (city_code, host_id) REFERENCES citytables_school(city_code, id)" in added
    assert "btree (city_code, host_id)" in added

    unindexed = CityForeignKey(School, null=True, related_name="+", db_index=False, db_constraint=False)
    unindexed.set_attributes_from_name("host")
    unindexed.model = Course
    with connection.schema_editor() as editor:
        editor.alter_field(Course, field, unindexed)
    assert "host_id" not in " | ".join(definitions("citytables_course").values())
    with connection.schema_editor() as editor:
        editor.alter_field(Course, unindexed, field)
    assert "FOREIGN KEY (city_code, host_id)" in " | ".join(definitions("citytables_course").values())
    with connection.schema_editor() as editor:
        editor.remove_field(Course, field)
    assert "host_id" not in " | ".join(definitions("citytables_course").values())


def test_a_reference_into_another_city_is_refused(course: Course) -> None:
    with pytest.raises(IntegrityError):
        Course.objects.create(city_code=TIANJIN, title="电工", school_id=course.school_id)
    with pytest.raises(ValueError, match="belongs to city 370900, not 120100"):
        Course(city_code=TIANJIN, school=course.school)
    with pytest.raises(ValidationError, match="school"):
        Course(city_code=TIANJIN, title="电工", school_id=course.school_id).full_clean()
    Course(city_code=TAIAN, title="电工", school_id=course.school_id).full_clean()


READS: dict[str, Callable[[Course], Any]] = {
    "reverse manager": lambda c: list(c.seats.filter(number=1)),
    "forward": lambda c: Course.objects.get(city_code=TAIAN, pk=c.pk).school,
    "join": lambda c: list(Seat.objects.filter(city_code=TAIAN, course__school__name="甲校")),
    "by instance": lambda c: list(Seat.objects.filter(course=c)),
    "by instances": lambda c: list(Seat.objects.filter(course__in=[c])),
    "reverse join": lambda c: list(School.objects.filter(city_code=TAIAN, courses__seats__number=1)),
    "reverse by instance": lambda c: list(School.objects.filter(city_code=TAIAN, courses=c)),
    "select_related": lambda c: list(Seat.objects.filter(city_code=TAIAN).select_related("course__school")),
    "prefetch reverse": lambda c: list(School.objects.filter(city_code=TAIAN).prefetch_related("courses__seats")),
    "prefetch forward": lambda c: list(Seat.objects.filter(city_code=TAIAN).prefetch_related("course__school")),
    "exclude far": lambda c: list(School.objects.filter(city_code=TAIAN).exclude(courses__seats__number=7)),
    "exclude near": lambda c: list(Course.objects.filter(city_code=TAIAN).exclude(school__name="乙校")),
    "exists": lambda c: list(
        School.objects.filter(Exists(Course.objects.filter(school=OuterRef("pk"))), city_code=TAIAN)
    ),
    "exists beside": lambda c: list(
        Seat.objects.filter(Exists(Seat.objects.filter(course=OuterRef("course_id"), number=2)), city_code=TAIAN)
    ),
    "count": lambda c: list(School.objects.filter(city_code=TAIAN).annotate(n=Count("courses__seats"))),
    "refresh": lambda c: [c.refresh_from_db(), c],
    "only": lambda c: [Course.objects.filter(city_code=TAIAN).only("title").get().school_id],
    "save": lambda c: [c.save(), c],
    "update through a join": lambda c: (
        [1] if Seat.objects.filter(city_code=TAIAN, course__title="焊工").update(number=F("number") + 5) == 3 else []
    ),
    "delete through a join": lambda c: (
        [1] if Seat.objects.filter(city_code=TAIAN, course__title="焊工", number=1).delete()[0] == 1 else []
    ),
    "delete": lambda c: [c.delete()],
}


@pytest.mark.parametrize("way", READS)
def test_every_way_carries_the_city(course: Course, way: str) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert READS[way](course)
    names = [model._meta.db_table for model in TABLES if model is not Area]
    for query in queries:
        assert findings(query["sql"], names) == [], query["sql"]


def test_exclude_and_count_answer_rightly(course: Course) -> None:
    other = School.objects.create(city_code=TAIAN, name="乙校")
    assert list(School.objects.filter(city_code=TAIAN).exclude(courses__seats__number=1)) == [other]
    counted = School.objects.filter(city_code=TAIAN).annotate(n=Count("courses__seats")).order_by("pk")
    assert [(school.name, school.n) for school in counted] == [("甲校", 3), ("乙校", 0)]


def test_deleting_is_the_databases_business(course: Course) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        course.school.delete()
    course.delete()
    assert not Seat.objects.filter(city_code=TAIAN).exists()


def test_the_city_of_a_row_never_changes(course: Course) -> None:
    school = course.school
    school.city_code = TIANJIN
    with pytest.raises(DatabaseError, match="does not exist in city 120100"):
        school.save()
    assert not School.objects.filter(city_code=TIANJIN).exists()


def test_a_row_is_never_loaded_without_its_city(course: Course) -> None:
    with pytest.raises(FieldError):
        Course.objects.defer("city_code")
    seat = Seat.objects.filter(city_code=TAIAN).select_related("course").only("number", "course__title")[0]
    with pytest.raises(FieldError, match="without its city_code"):
        _ = seat.course.school_id


def test_models_with_keys_over_all_cities_are_refused() -> None:
    class Bad(CityModel):
        code = models.CharField(max_length=9, unique=True)
        name = models.CharField(max_length=9)

        class Meta:
            apps = registry
            app_label = "citytables"
            constraints = [models.UniqueConstraint(fields=["name"], name="bad_name")]
            indexes = [models.Index(fields=["name"], name="bad_index")]

    try:
        messages = " ".join(str(error.msg) for error in Bad.check() if error.id == "zhaoliang.E002")
    finally:
        del registry.all_models["citytables"]["bad"]
    assert "field code" in messages
    assert "bad_name" in messages
    assert "bad_index" in messages


def test_a_key_that_the_database_cannot_keep_is_refused() -> None:
    with pytest.raises(ValueError, match="PROTECT"):
        CityForeignKey(School, on_delete=models.SET_NULL, null=True)
