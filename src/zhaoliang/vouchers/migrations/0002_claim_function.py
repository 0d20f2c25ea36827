from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0001_initial"), ("funds", "0002_ledger_functions")]

    operations = [
        migrations.AddIndex(
            model_name="vouchercheck",
            index=models.Index(fields=["city_code", "actor_user_id", "at"], name="voucher_check_actor"),
        ),
        migrations.AddIndex(
            model_name="vouchercheck",
            index=models.Index(fields=["city_code", "organisation", "at"], name="voucher_check_organisation"),
        ),
        SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql"),
    ]
