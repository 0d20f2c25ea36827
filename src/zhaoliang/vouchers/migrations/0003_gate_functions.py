from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0002_claim_function"), ("kernel", "0003_hold_keys")]

    operations = [
        SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql"),
        SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql"),
        SqlFile("zhaoliang.vouchers", "sql/use_voucher.sql"),
    ]
