from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("employment", "0002_fact_finding"), ("subsidies", "0018_fewer_line_indexes")]

    operations = [
        migrations.AddField(
            model_name="claim",
            name="reply",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=500, verbose_name="机构对退回的答复"
            ),
        ),
        # A job that was found to be untrue is left out.
        SqlFile("zhaoliang.subsidies", "sql/line_on_file.sql"),
    ]
