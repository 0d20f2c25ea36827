from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0005_check_shown_at")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql")]
