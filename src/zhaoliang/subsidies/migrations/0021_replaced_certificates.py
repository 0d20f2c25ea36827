from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0020_looked_at")]

    operations = [SqlFile("zhaoliang.subsidies", "sql/line_on_file.sql")]
