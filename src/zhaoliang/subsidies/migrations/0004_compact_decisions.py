import django.contrib.postgres.fields
import zhaoliang.kernel.db.fields
from django.db import migrations, models

# Decisions made before stay as they are, in the same columns: fields are renamed, columns are not.
WHOLE = [
    ("facts", "whole_facts", "事实"),
    ("evidence", "whole_evidence", "证据编号"),
    ("record", "whole_record", "逐条结果与金额步骤"),
]


def kept(column: str, field: str, label: str) -> list:
    return [
        migrations.AlterField("decision", column, models.JSONField(db_column=column, null=True, verbose_name=label)),
        migrations.RenameField("decision", column, field),
    ]


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0003_objection_contact_encrypted")]

    operations = [
        migrations.CreateModel(
            name="DecisionBasis",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("policy_version", models.CharField(max_length=400, verbose_name="政策版本")),
                ("phase", models.CharField(max_length=12, verbose_name="环节")),
                (
                    "facts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), size=None, verbose_name="事实（名称:类型）"
                    ),
                ),
                (
                    "slots",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=20), size=None, verbose_name="依据记录"
                    ),
                ),
                (
                    "rules",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=80), size=None, verbose_name="规则"
                    ),
                ),
                (
                    "texts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200),
                        size=None,
                        verbose_name="政策文本（文件@生效日+内容摘要）",
                    ),
                ),
                ("shape", models.CharField(max_length=16, verbose_name="排列摘要")),
            ],
            options={
                "db_table": "decision_basis",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("city_code", "policy_version", "phase", "shape"), name="decision_basis_once"
                    )
                ],
            },
        ),
        *[operation for names in WHOLE for operation in kept(*names)],
        migrations.AddField("decision", "basis_id", models.BigIntegerField(null=True, verbose_name="依据")),
        migrations.AddField(
            "decision", "known", models.TextField(blank=True, default="", verbose_name="事实（按依据的次序）"), False
        ),
        migrations.AddField(
            "decision",
            "rows",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(null=True),
                null=True,
                size=None,
                verbose_name="记录编号（按依据的次序）",
            ),
        ),
        migrations.AddField(
            "decision",
            "answers",
            models.TextField(blank=True, default="", verbose_name="各条结果（按依据的次序）"),
            False,
        ),
        migrations.AddField(
            "decision",
            "steps",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), null=True, size=None, verbose_name="金额步骤（分）"
            ),
        ),
        migrations.AddField(
            "decision", "payee", models.CharField(blank=True, default="", max_length=12, verbose_name="收款方"), False
        ),
    ]
