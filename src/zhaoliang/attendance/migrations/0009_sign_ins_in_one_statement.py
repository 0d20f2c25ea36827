"""Sign-ins of a group are judged and written in one statement, and travel as one array.

The functions of the release before keep their names and arguments for its processes that still run.
"""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0008_decided_by_another_person"), ("kernel", "0006_keys_one_by_one")]

    operations = [SqlFile("zhaoliang.attendance", "sql/sign_in.sql")]
