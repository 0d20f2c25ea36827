from django.db import migrations, models
from django.db.models.deletion import PROTECT
from zhaoliang.kernel.db.fields import CityCodeField, CityForeignKey

PROOFS = [("contract", "劳动合同"), ("insurance", "社保比对"), ("payroll", "工资流水"), ("platform", "平台证明")]


def person(back: str) -> CityForeignKey:
    return CityForeignKey(on_delete=PROTECT, related_name=back, to="registry.person", verbose_name="人员")


# The table `job_record` is there (careers 0001); only its model moves here.
JOB_RECORD = migrations.CreateModel(
    name="JobRecord",
    fields=[
        ("city_code", CityCodeField(verbose_name="城市")),
        ("id", models.BigAutoField(primary_key=True, serialize=False)),
        ("employer_name", models.CharField(max_length=120, verbose_name="单位")),
        ("employer_uscc", models.CharField(blank=True, max_length=18, verbose_name="统一社会信用代码")),
        ("post", models.CharField(blank=True, max_length=80, verbose_name="岗位")),
        ("from_on", models.DateField(verbose_name="自")),
        ("to_on", models.DateField(blank=True, null=True, verbose_name="至")),
        ("insured", models.BooleanField(default=False, verbose_name="参保")),
        ("proof", models.CharField(choices=PROOFS, max_length=20, verbose_name="证明")),
        ("recorded_at", models.DateTimeField(verbose_name="登记时间")),
        ("person", person("jobs")),
    ],
    options={"db_table": "job_record"},
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("careers", "0002_jobs_below"), ("registry", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[JOB_RECORD]),
        migrations.AddField(
            "jobrecord", "contract_until", models.DateField(blank=True, null=True, verbose_name="合同到期")
        ),
        migrations.AddField(
            "jobrecord",
            "open_ended",
            models.BooleanField(db_default=False, default=False, verbose_name="无固定期限合同"),
        ),
        migrations.AddField(
            "jobrecord",
            "evidence_sha256",
            models.CharField(blank=True, db_default="", max_length=64, verbose_name="证明文件摘要"),
        ),
        migrations.AddIndex("jobrecord", models.Index(fields=["city_code", "person"], name="job_record_person")),
        migrations.CreateModel(
            name="UnemploymentInsurance",
            fields=[
                ("city_code", CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("months", models.PositiveSmallIntegerField(verbose_name="累计缴费月数")),
                ("as_of", models.DateField(verbose_name="截至")),
                ("source", models.CharField(max_length=120, verbose_name="来源")),
                ("recorded_at", models.DateTimeField(verbose_name="登记时间")),
                ("person", person("unemployment_insurance")),
            ],
            options={
                "db_table": "unemployment_insurance",
                "indexes": [
                    models.Index(fields=["city_code", "person", "as_of"], name="unemployment_insurance_latest")
                ],
            },
        ),
    ]
