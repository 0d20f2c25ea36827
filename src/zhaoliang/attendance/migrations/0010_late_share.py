"""What counts for who is late is the region's share, told with each sign-in."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0009_sign_ins_in_one_statement")]

    operations = [SqlFile("zhaoliang.attendance", "sql/sign_in.sql")]
