"""One person's vouchers are used one after the other, so that two uses in one moment see that their classes meet."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0012_clash_of_days")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/use_voucher.sql")]
