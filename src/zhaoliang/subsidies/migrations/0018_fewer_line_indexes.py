import django.db.models.deletion
import zhaoliang.kernel.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0011_grant_withdrawn"),
        ("subsidies", "0017_grants_given_back"),
    ]

    operations = [
        migrations.AlterField(
            model_name="checkresult",
            name="suite",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="subsidies.checksuite",
                verbose_name="核验项目",
            ),
        ),
        migrations.AlterField(
            model_name="claimline",
            name="decision",
            field=zhaoliang.kernel.db.fields.CityForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="subsidies.decision",
                verbose_name="决定",
            ),
        ),
        migrations.AlterField(
            model_name="claimline",
            name="occupation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="registry.occupation",
                verbose_name="职业",
            ),
        ),
    ]
