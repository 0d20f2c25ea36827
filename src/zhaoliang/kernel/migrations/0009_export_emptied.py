from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("kernel", "0008_ended_jobs_forget"),
    ]

    operations = [
        migrations.AddField(
            model_name="keptexport",
            name="emptied_at",
            field=models.DateTimeField(null=True, verbose_name="清除的时间"),
        ),
    ]
