from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0016_appeals"), ("registry", "0011_grant_withdrawn")]

    operations = [SqlFile("zhaoliang.subsidies", "sql/line_on_file.sql")]
