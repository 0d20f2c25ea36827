import django.db.models.deletion
import zhaoliang.kernel.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="FunnelCount",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("counted_at", models.DateTimeField(verbose_name="统计时间")),
            ],
            options={"db_table": "funnel_count"},
        ),
        migrations.CreateModel(
            name="FunnelCell",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("batch_id", models.BigIntegerField(verbose_name="批次")),
                ("provider_id", models.BigIntegerField(verbose_name="机构")),
                ("group", models.CharField(blank=True, max_length=2, verbose_name="人员类别")),
                ("claimed_on", models.DateField(null=True, verbose_name="领取日期")),
                ("stage", models.CharField(blank=True, max_length=10, verbose_name="没走到的一步")),
                ("reason", models.CharField(blank=True, max_length=30, verbose_name="原因")),
                ("decision_id", models.BigIntegerField(null=True, verbose_name="决定")),
                ("issued", models.PositiveIntegerField(verbose_name="发放")),
                ("claimed", models.PositiveIntegerField(verbose_name="领取")),
                ("used", models.PositiveIntegerField(verbose_name="使用")),
                ("taught", models.PositiveIntegerField(verbose_name="结业")),
                ("certified", models.PositiveIntegerField(verbose_name="取证")),
                ("paid", models.PositiveIntegerField(verbose_name="核销")),
                ("returned", models.PositiveIntegerField(verbose_name="退回")),
                ("expired", models.PositiveIntegerField(verbose_name="过期")),
                ("void", models.PositiveIntegerField(verbose_name="作废")),
                ("waiting", models.PositiveIntegerField(verbose_name="还没用")),
                ("dropped", models.PositiveIntegerField(verbose_name="中途退出")),
                ("failed", models.PositiveIntegerField(verbose_name="考核没过")),
                ("refused", models.PositiveIntegerField(verbose_name="不予补贴")),
                ("held_fen", models.BigIntegerField(verbose_name="已领券预留（分）")),
                ("paid_fen", models.BigIntegerField(verbose_name="已拨补贴（分）")),
                (
                    "count",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="cells",
                        to="oversight.funnelcount",
                        verbose_name="统计",
                    ),
                ),
            ],
            options={"db_table": "funnel_cell"},
        ),
    ]
