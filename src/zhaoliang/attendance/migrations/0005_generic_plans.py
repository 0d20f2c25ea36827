"""Sign-ins with plans made once for groups of any size; indexes that a foreign key's own one already is are dropped."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0004_doubts_and_corrections"), ("kernel", "0005_generic_plans")]

    operations = [
        migrations.RemoveIndex(model_name="signin", name="sign_in_attendance"),
        migrations.RemoveIndex(model_name="attendance", name="attendance_enrolment"),
        SqlFile("zhaoliang.attendance", "sql/sign_in.sql"),
    ]
