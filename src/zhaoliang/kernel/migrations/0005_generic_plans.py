"""Keys are held with plans made once for groups of any size."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("kernel", "0004_job")]

    operations = [SqlFile("zhaoliang.kernel", "sql/hold_keys.sql")]
