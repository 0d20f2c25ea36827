from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0009_verifiers")]

    operations = [
        migrations.AddField("claimline", "applied_on", models.DateField(null=True, verbose_name="申请日期")),
        # A claim is paid from one fund, so each fund collects its own.
        migrations.RemoveConstraint("claim", "claim_one_collecting"),
        migrations.AddConstraint(
            "claim",
            models.UniqueConstraint(
                fields=["city_code", "region", "kind", "fund_source"],
                condition=models.Q(training_class__isnull=True, state="assembled"),
                name="claim_one_collecting",
            ),
        ),
    ]
