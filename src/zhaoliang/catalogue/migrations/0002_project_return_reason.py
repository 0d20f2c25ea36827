"""Why a project was returned or suspended."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalogue", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="project",
            name="return_reason",
            field=models.CharField(blank=True, default="", max_length=500, verbose_name="退回或暂停原因"),
        ),
    ]
