"""A lesson made up to which its trainee did not come may be planned anew."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("attendance", "0011_phone_signature")]

    operations = [
        migrations.AlterField(
            model_name="makeup",
            name="state",
            field=models.CharField(
                choices=[
                    ("proposed", "待同意"),
                    ("agreed", "待上课"),
                    ("declined", "未同意"),
                    ("held", "已上课"),
                    ("lapsed", "没来补"),
                ],
                default="proposed",
                max_length=20,
                verbose_name="状态",
            ),
        ),
        migrations.RemoveConstraint(model_name="makeup", name="make_up_state_known"),
        migrations.AddConstraint(
            model_name="makeup",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["agreed", "declined", "held", "lapsed", "proposed"])),
                name="make_up_state_known",
            ),
        ),
    ]
