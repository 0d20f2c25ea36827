from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0014_collecting_claim_of_provider")]

    operations = [SqlFile("zhaoliang.subsidies", "sql/line_on_file.sql")]
