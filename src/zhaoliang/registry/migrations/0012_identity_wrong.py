from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("registry", "0011_grant_withdrawn")]

    operations = [
        migrations.AddField("person", "identity_wrong_on", models.DateField(null=True, verbose_name="认定身份不实")),
    ]
