import django.db.models.deletion
from django.db import migrations, models

import zhaoliang.kernel.db.fields


class Migration(migrations.Migration):
    dependencies = [("registry", "0001_initial"), ("vouchers", "0015_where_it_ended")]

    operations = [
        migrations.CreateModel(
            name="OpeningWish",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(verbose_name="预约时间")),
                (
                    "batch",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="wishes",
                        to="vouchers.voucherbatch",
                        verbose_name="批次",
                    ),
                ),
                (
                    "person",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="opening_wishes",
                        to="registry.person",
                        verbose_name="提醒谁",
                    ),
                ),
            ],
            options={
                "db_table": "opening_wish",
                "constraints": [
                    models.UniqueConstraint(fields=("city_code", "batch", "person"), name="opening_wish_once")
                ],
            },
        ),
    ]
