from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0005_finance_sheets")]

    operations = [
        migrations.AddField(
            model_name="bankupload",
            name="rows",
            field=models.PositiveIntegerField(default=0, verbose_name="行数"),
        ),
    ]
