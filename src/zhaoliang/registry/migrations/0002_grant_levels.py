"""Trainings without a level certificate (level 0) may be granted more than once in a life."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="persongrant", name="person_grant_once_nationally"),
        migrations.AddConstraint(
            model_name="persongrant",
            constraint=models.UniqueConstraint(
                fields=["person_id", "scheme", "occupation_code", "level"],
                condition=models.Q(level__gt=0),
                name="person_grant_once_nationally",
            ),
        ),
    ]
