from django.db import migrations, models


class Migration(migrations.Migration):
    # The column alone: the lock it takes is let go at once. 0010 fills it.
    dependencies = [
        ("payments", "0008_totals"),
    ]

    operations = [
        migrations.AddField(
            model_name="banktotal",
            name="booked_fen",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="随文件入账（分）"),
        ),
    ]
