from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0021_replaced_certificates")]

    operations = [
        # No default: tens of millions of rows stay as they are.
        migrations.AddField("claimline", "rests_on", models.BigIntegerField(null=True, verbose_name="所据档案的摘要")),
    ]
