"""Evaluation: the examination of a class by an evaluation organisation, and each trainee's result."""

from __future__ import annotations

from django.db import models

from zhaoliang.classes.models import Enrolment, TrainingClass
from zhaoliang.evaluation.states import EXAM
from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel
from zhaoliang.kernel.roles import Access
from zhaoliang.registry.models import Organisation, Person


class Exam(CityModel):
    """An examination of a class. Each class has one; the evaluation organisation records, another person publishes."""

    training_class_id: int
    evaluator_id: int

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="exams")
    evaluator = CityForeignKey(Organisation, verbose_name="评价机构", related_name="exams")
    held_on = models.DateField("考核日期")
    state = EXAM.field()
    recorded_by_user = models.BigIntegerField("登记账号", null=True)
    recorded_by_person = models.BigIntegerField("登记人", null=True)
    published_by_user = models.BigIntegerField("公布账号", null=True)
    published_by_person = models.BigIntegerField("公布人", null=True)
    published_at = models.DateTimeField("公布时间", null=True)
    created_at = models.DateTimeField("建立时间")

    class Meta:
        db_table = "exam"
        constraints = [
            EXAM.constraint("exam"),
            models.UniqueConstraint(fields=["city_code", "training_class"], name="exam_one_per_class"),
            models.CheckConstraint(
                condition=models.Q(published_by_user__isnull=True)
                | ~models.Q(published_by_user=models.F("recorded_by_user")),
                name="exam_two_accounts",
            ),
            models.CheckConstraint(
                condition=models.Q(published_by_person__isnull=True)
                | ~models.Q(published_by_person=models.F("recorded_by_person")),
                name="exam_two_people",
            ),
        ]

    def access(self) -> Access:
        access = self.training_class.access()
        return Access(access.city_code, access.region_code, access.organisation_ids | {self.evaluator_id})


class ExamResult(CityModel):
    """A trainee's scores in tenths of a point (0-1000). Absent: both null. Passed only when each part passes."""

    exam_id: int
    enrolment_id: int
    person_id: int

    exam = CityForeignKey(Exam, verbose_name="考核", related_name="results")
    enrolment = CityForeignKey(Enrolment, verbose_name="学员", related_name="results")
    person = CityForeignKey(Person, verbose_name="人员", related_name="results")
    theory_tenths = models.PositiveIntegerField("理论成绩（0.1 分）", null=True)
    practice_tenths = models.PositiveIntegerField("实操成绩（0.1 分）", null=True)
    passed = models.BooleanField("合格")

    class Meta:
        db_table = "exam_result"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "exam", "enrolment"], name="exam_result_once"),
            models.CheckConstraint(
                condition=models.Q(theory_tenths__isnull=True) | models.Q(theory_tenths__range=(0, 1000)),
                name="exam_result_theory_range",
            ),
            models.CheckConstraint(
                condition=models.Q(practice_tenths__isnull=True) | models.Q(practice_tenths__range=(0, 1000)),
                name="exam_result_practice_range",
            ),
        ]


class Opinion(CityModel):
    """What a trainee thinks of the class, once, after its end: four marks from 1 (差) to 5 (很好) and a free text."""

    append_only = True

    training_class_id: int

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="opinions")
    enrolment = CityForeignKey(Enrolment, verbose_name="学员", related_name="opinions")
    teaching = models.PositiveSmallIntegerField("老师教得怎么样")
    practice = models.PositiveSmallIntegerField("实操练得够不够")
    place = models.PositiveSmallIntegerField("场地设备怎么样")
    useful = models.PositiveSmallIntegerField("学到的用得上吗")
    text = models.CharField("意见和建议", max_length=1000, blank=True)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "opinion"
        constraints = [
            models.UniqueConstraint(fields=["city_code", "enrolment"], name="opinion_once"),
            *(
                models.CheckConstraint(condition=models.Q(**{f"{mark}__range": (1, 5)}), name=f"opinion_{mark}_range")
                for mark in ("teaching", "practice", "place", "useful")
            ),
        ]
        indexes = [models.Index(fields=["city_code", "training_class"], name="opinion_class")]

    def access(self) -> Access:
        return self.enrolment.access()


class Improvement(CityModel):
    """What the provider changes after the opinions on a class, in its own words; read by the reviewer of its next filing."""

    append_only = True

    training_class_id: int

    training_class = CityForeignKey(TrainingClass, verbose_name="班级", related_name="improvements")
    text = models.CharField("改进措施", max_length=1000)
    at = models.DateTimeField("时间")

    class Meta:
        db_table = "improvement"
        constraints = [models.UniqueConstraint(fields=["city_code", "training_class"], name="improvement_once")]

    def access(self) -> Access:
        return self.training_class.access()
