"""Three invented city tables and a reference table, in an app registry of their own, for the tests of the city keys."""

from django.apps import AppConfig
from django.apps.registry import Apps
from django.db import models

from zhaoliang.kernel.db.fields import CityForeignKey
from zhaoliang.kernel.db.models import CityModel

registry = Apps()
_config = AppConfig.__new__(AppConfig)
_config.name = _config.label = "citytables"
_config.apps = registry
_config.models = registry.all_models["citytables"]
registry.app_configs["citytables"] = _config


class Area(models.Model):
    code = models.CharField(max_length=6, primary_key=True)

    class Meta:
        apps = registry
        app_label = "citytables"


class School(CityModel):
    name = models.CharField(max_length=20)
    area = models.ForeignKey(Area, models.PROTECT, null=True)

    class Meta:
        apps = registry
        app_label = "citytables"
        constraints = [models.UniqueConstraint(fields=["city_code", "name"], name="school_name_once")]


class Course(CityModel):
    title = models.CharField(max_length=20)
    school = CityForeignKey(School, related_name="courses")

    class Meta:
        apps = registry
        app_label = "citytables"


class Seat(CityModel):
    number = models.IntegerField()
    course = CityForeignKey(Course, on_delete=models.CASCADE, related_name="seats")
    next = CityForeignKey("Seat", null=True, related_name="previous")

    class Meta:
        apps = registry
        app_label = "citytables"


TABLES = (Area, School, Course, Seat)
