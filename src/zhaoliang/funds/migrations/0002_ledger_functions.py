from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("funds", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="transfer",
            name="debit_after_fen",
            field=models.BigIntegerField(default=0, verbose_name="付出账户余额（分）"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="transfer",
            name="credit_after_fen",
            field=models.BigIntegerField(default=0, verbose_name="收入账户余额（分）"),
            preserve_default=False,
        ),
        SqlFile("zhaoliang.funds", "sql/ledger.sql"),
    ]
