from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("funds", "0004_receivable_taken_back")]

    operations = [SqlFile("zhaoliang.funds", "sql/ledger.sql")]
