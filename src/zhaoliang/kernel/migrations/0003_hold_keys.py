from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("kernel", "0002_calendar_year")]

    operations = [SqlFile("zhaoliang.kernel", "sql/hold_keys.sql")]
