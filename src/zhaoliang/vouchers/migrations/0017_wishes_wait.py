from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("vouchers", "0016_opening_wish"),
    ]

    operations = [
        migrations.AddField(
            model_name="voucherbatch",
            name="wishes_wait_since",
            field=models.DateTimeField(null=True, verbose_name="预约待通知自"),
        ),
    ]
