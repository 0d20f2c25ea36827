from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0004_compact_decisions")]

    # With the id in it the latest decision of a line is one step into the index, whatever the planner guesses.
    operations = [
        migrations.RemoveIndex("decision", "decision_line"),
        migrations.AddIndex(
            "decision", models.Index(fields=["city_code", "claim_line_id", "id"], name="decision_line_latest")
        ),
    ]
