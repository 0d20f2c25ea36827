"""A key that is looked for is that key, also where a later one stands next to its place."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("kernel", "0010_keys_by_their_index")]

    operations = [SqlFile("zhaoliang.kernel", "sql/hold_keys.sql")]
