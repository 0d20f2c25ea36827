from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0012_identity_wrong")]

    operations = [
        migrations.AddField("personstatus", "recorded_at", models.DateTimeField(null=True, verbose_name="登记时间")),
        migrations.AddField("groupmembership", "recorded_at", models.DateTimeField(null=True, verbose_name="登记时间")),
    ]
