"""A dead voucher says when and where it ended; a check that came too late or from another city is seen by the holder."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0014_own_rows")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql")]
