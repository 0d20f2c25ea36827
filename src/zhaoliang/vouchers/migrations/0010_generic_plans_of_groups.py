"""Claims at the gate with plans made once, uses that ask how the provider stands; indexes that a foreign key's own one already is are dropped."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0009_issues"), ("kernel", "0005_generic_plans")]

    operations = [
        migrations.RemoveIndex(model_name="voucher", name="voucher_person"),
        migrations.RemoveIndex(model_name="vouchercheck", name="voucher_check_voucher"),
        SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql"),
        SqlFile("zhaoliang.vouchers", "sql/use_voucher.sql"),
    ]
