from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0005_latest_decision")]

    operations = [
        migrations.CreateModel(
            name="DecisionText",
            fields=[
                ("sha256", models.CharField(max_length=64, primary_key=True, serialize=False, verbose_name="摘要")),
                ("content", models.TextField(verbose_name="内容")),
            ],
            options={"db_table": "decision_text"},
        ),
        migrations.AddField(
            "decisionbasis", "library", models.JSONField(default=dict, verbose_name="政策文件（路径→摘要）")
        ),
    ]
