"""Keys are found by their own index, also before the table has statistics."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("kernel", "0009_export_emptied")]

    operations = [SqlFile("zhaoliang.kernel", "sql/hold_keys.sql")]
