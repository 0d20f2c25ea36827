from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0003_gate_functions")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql")]
