from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0013_status_recorded"), ("subsidies", "0019_claim_reply")]

    operations = [
        migrations.AddField("claimline", "looked_at", models.DateTimeField(null=True, verbose_name="最近一次复核")),
        migrations.AddField(
            "claimline",
            "looked_by",
            models.CharField(blank=True, db_default="", default="", max_length=16, verbose_name="复核所据文本的摘要"),
        ),
    ]
