"""A group of claims reads its own people's vouchers, also before the table has statistics."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0013_one_use_at_a_time"), ("kernel", "0006_keys_one_by_one")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql")]
