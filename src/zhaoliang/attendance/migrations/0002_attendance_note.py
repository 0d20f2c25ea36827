"""Why leave was granted or an attendance corrected."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attendance", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="attendance",
            name="note",
            field=models.CharField(blank=True, default="", max_length=200, verbose_name="请假或更正原因"),
        ),
    ]
