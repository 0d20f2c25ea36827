from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0004_generic_plans")]

    operations = [
        migrations.AddField(
            model_name="vouchercheck",
            name="shown_at",
            field=models.DateTimeField(null=True, verbose_name="二维码签发时间"),
        ),
        SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql"),
        SqlFile("zhaoliang.vouchers", "sql/claim_voucher.sql"),
    ]
