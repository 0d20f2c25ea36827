"""Sign-ins at the gate write each key once, with its answer, and look at an attendance once less."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0006_face_check"), ("kernel", "0005_generic_plans")]

    operations = [SqlFile("zhaoliang.attendance", "sql/sign_in.sql")]
