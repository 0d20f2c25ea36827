from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0003_policytext")]

    operations = [
        migrations.AddIndex("persongrant", models.Index(fields=["person_id"], name="person_grant_person")),
    ]
