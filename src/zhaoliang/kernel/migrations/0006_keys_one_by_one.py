"""Each key of a group is looked up by itself, also before the table has statistics."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("kernel", "0005_generic_plans")]

    operations = [SqlFile("zhaoliang.kernel", "sql/hold_keys.sql")]
