"""A kept sign-in says whether its phone signed it, with the proof."""

from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0010_late_share")]

    operations = [
        migrations.AddField(
            model_name="signin",
            name="signed",
            field=models.BooleanField(
                help_text="对得上为是，该有而没有为否；当场到的和没有登记钥匙的为空", null=True, verbose_name="手机签名"
            ),
        ),
        migrations.AddField(
            model_name="signin",
            name="proof",
            field=models.JSONField(help_text="公钥、原文、签名，可以再验", null=True, verbose_name="手机签名原文"),
        ),
        SqlFile("zhaoliang.attendance", "sql/sign_in.sql"),
    ]
