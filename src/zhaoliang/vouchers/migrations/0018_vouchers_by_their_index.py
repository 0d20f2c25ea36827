"""Who has a voucher of a batch is found by the index for that, also before the table has statistics."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0017_wishes_wait"), ("kernel", "0010_keys_by_their_index")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql")]
