"""What is said of a roster file as a whole."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("classes", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="rosterimport",
            name="notes",
            field=models.JSONField(default=list, help_text="关于整个文件的说明", verbose_name="说明"),
        ),
    ]
