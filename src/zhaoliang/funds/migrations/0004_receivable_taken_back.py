from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("funds", "0003_budgets_closings_checks")]

    operations = [SqlFile("zhaoliang.funds", "sql/ledger.sql")]
