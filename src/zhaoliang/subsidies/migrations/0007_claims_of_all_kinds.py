from django.db import migrations, models
from django.db.models.deletion import PROTECT
from zhaoliang.kernel.db.fields import CityForeignKey

KINDS = [
    ("training", "职业培训补贴"),
    ("enterprise_direct", "企业直补培训补贴"),
    ("project", "项目制培训补贴"),
    ("evaluation", "职业技能评价补贴"),
    ("living", "培训生活费补贴"),
    ("uplift", "训后就业提高部分"),
    ("skill_upgrade", "技能提升补贴（失业保险）"),
    ("apprentice_advance", "新型学徒制预支补贴"),
    ("apprenticeship", "新型学徒制结算补贴"),
    ("work_training", "以工代训补贴（历史）"),
]
# What a claim used to look up through its class; claims without a class say it themselves. The constraints are asked at
# once, because a table with questions left for the end cannot be altered.
FROM_CLASS = """
UPDATE claim SET region_id = project.region_id, title = training_class.name, rules_on = training_class.starts_on
FROM training_class
JOIN project ON project.city_code = training_class.city_code AND project.id = training_class.project_id
WHERE training_class.city_code = claim.city_code AND training_class.id = claim.training_class_id
  AND claim.region_id IS NULL;
SET CONSTRAINTS ALL IMMEDIATE;
"""


def region(null: bool) -> models.ForeignKey:
    return models.ForeignKey(null=null, on_delete=PROTECT, to="registry.region", verbose_name="审核地区")


def other(to: str, label: str, back: str) -> CityForeignKey:
    return CityForeignKey(null=True, on_delete=PROTECT, related_name=back, to=to, verbose_name=label)


def kind() -> models.CharField:
    return models.CharField(choices=KINDS, default="training", max_length=20, verbose_name="补贴种类")


class Migration(migrations.Migration):
    dependencies = [
        ("certificates", "0002_checks_and_endings"),
        ("classes", "0004_refused_roster_mends"),
        ("registry", "0006_grant_schemes"),
        ("subsidies", "0006_kept_texts"),
    ]

    operations = [
        migrations.AddField("claim", "region", region(null=True)),
        migrations.AddField("claim", "title", models.CharField(default="", max_length=160, verbose_name="名称")),
        migrations.AddField("claim", "rules_on", models.DateField(null=True, verbose_name="适用政策的日期")),
        migrations.RunSQL(FROM_CLASS, migrations.RunSQL.noop),
        migrations.AlterField("claim", "region", region(null=False)),
        migrations.AlterField("claim", "title", models.CharField(max_length=160, verbose_name="名称")),
        migrations.AlterField("claim", "rules_on", models.DateField(verbose_name="适用政策的日期")),
        migrations.AlterField("claim", "kind", kind()),
        migrations.AlterField("claim", "provider", other("registry.organisation", "申领机构", "claims")),
        migrations.AlterField("claim", "training_class", other("classes.trainingclass", "班级", "claims")),
        migrations.AlterField("claimline", "enrolment", other("classes.enrolment", "学员", "claim_lines")),
        migrations.AlterField("claimline", "kind", kind()),
        migrations.AddConstraint(
            "claim",
            models.UniqueConstraint(
                fields=["city_code", "region", "kind"],
                condition=models.Q(training_class__isnull=True, state="assembled"),
                name="claim_one_collecting",
            ),
        ),
        migrations.AddConstraint(
            "claimline",
            models.UniqueConstraint(
                fields=["city_code", "certificate", "kind"],
                condition=models.Q(enrolment__isnull=True) & ~models.Q(state="refused"),
                name="claim_line_certificate_once",
            ),
        ),
        migrations.AddConstraint(
            "claimline",
            models.CheckConstraint(
                condition=models.Q(enrolment__isnull=False) | models.Q(certificate__isnull=False),
                name="claim_line_rests_on_something",
            ),
        ),
    ]
