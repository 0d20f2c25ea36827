import django.db.models.deletion
import zhaoliang.kernel.db.fields
from django.db import migrations, models

# As `payments.totals` counts, for every city at once.
PAID = """
INSERT INTO paid_total (city_code, account_id, month, project_id, claim_kind, "group", set_off, payments, amount_fen)
SELECT t.city_code, CASE t.kind WHEN 'pay' THEN t.credit_id ELSE t.debit_id END,
       date_trunc('month', t.at AT TIME ZONE 'Asia/Shanghai')::date, class.project_id, claim.kind,
       coalesce(seat."group", ''), t.subject_type = 'claim_line.set_off',
       sum(CASE t.kind WHEN 'pay' THEN 1 ELSE -1 END), sum(CASE t.kind WHEN 'pay' THEN t.amount_fen ELSE -t.amount_fen END)
FROM transfer t
LEFT JOIN payment_due due ON due.city_code = t.city_code AND due.id = t.subject_id AND t.subject_type = 'payment_due'
LEFT JOIN payment_line came_back
       ON came_back.city_code = t.city_code AND came_back.id = t.subject_id AND t.subject_type = 'payment_line'
JOIN claim_line line ON line.city_code = t.city_code AND line.id = coalesce(
    due.claim_line_id, came_back.claim_line_id,
    CASE WHEN t.subject_type IN ('claim_line', 'claim_line.set_off') THEN t.subject_id END
)
JOIN claim ON claim.city_code = line.city_code AND claim.id = line.claim_id
LEFT JOIN enrolment seat ON seat.city_code = line.city_code AND seat.id = line.enrolment_id
LEFT JOIN training_class class ON class.city_code = claim.city_code AND class.id = claim.training_class_id
WHERE t.kind = 'pay' OR t.kind = 'reverse' AND t.subject_type = 'payment_line'
GROUP BY 1, 2, 3, 4, 5, 6, 7
"""
BANK = """
INSERT INTO bank_total (city_code, bank_return_id, batch_id, month, amount_fen)
SELECT said.city_code, said.bank_return_id, line.batch_id,
       date_trunc('month', coalesce(said.value_on, (kept.at AT TIME ZONE 'Asia/Shanghai')::date))::date,
       sum(CASE said.event WHEN 'out' THEN said.amount_fen WHEN 'undo_in' THEN said.amount_fen
           WHEN 'undo_out' THEN -said.amount_fen
           ELSE CASE WHEN said.outcome = 'returned' THEN -said.amount_fen ELSE 0 END END)
FROM bank_return_line said
JOIN bank_return kept ON kept.city_code = said.city_code AND kept.id = said.bank_return_id
JOIN payment_line line ON line.city_code = said.city_code AND line.id = coalesce(said.payment_line_id, said.line_ids[1])
WHERE said.outcome NOT IN ('repeated', 'unreadable')
GROUP BY 1, 2, 3, 4
"""


class Migration(migrations.Migration):
    dependencies = [
        ("catalogue", "0003_purchase_contract"),
        ("classes", "0001_initial"),
        ("funds", "0006_education_spending"),
        ("subsidies", "0018_fewer_line_indexes"),
        ("payments", "0007_paying_accounts_by_two"),
    ]

    operations = [
        migrations.CreateModel(
            name="PaidTotal",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.DateField(verbose_name="月份（第一天）")),
                (
                    "claim_kind",
                    models.CharField(
                        choices=[
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
                        ],
                        max_length=20,
                        verbose_name="补贴种类",
                    ),
                ),
                (
                    "group",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("01", "脱贫人口、防止返贫监测对象"),
                            ("02", "毕业年度高校毕业生"),
                            ("03", "离校未就业高校毕业生"),
                            ("04", "城乡未继续升学应届初高中毕业生"),
                            ("05", "农村转移就业劳动者"),
                            ("06", "城镇登记失业人员"),
                            ("07", "就业困难人员"),
                            ("08", "零就业家庭成员"),
                            ("09", "城乡低保、特困人员"),
                            ("10", "残疾人"),
                            ("11", "退役军人"),
                            ("12", "企业职工"),
                            ("13", "灵活就业人员"),
                            ("14", "毕业学年全日制学生"),
                            ("15", "领取失业保险金人员"),
                            ("16", "新就业形态从业人员"),
                            ("17", "退捕渔民、以工代赈人员"),
                            ("18", "东西部协作地区劳动力"),
                            ("99", "其他人员"),
                        ],
                        max_length=2,
                        verbose_name="人员类别",
                    ),
                ),
                ("set_off", models.BooleanField(default=False, verbose_name="抵扣")),
                ("payments", models.BigIntegerField(verbose_name="笔数")),
                ("amount_fen", models.BigIntegerField(verbose_name="金额（分）")),
                (
                    "account",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="funds.account",
                        verbose_name="已付出账户",
                    ),
                ),
                (
                    "project",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="catalogue.project",
                        verbose_name="培训项目",
                    ),
                ),
            ],
            options={
                "db_table": "paid_total",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("city_code", "account", "month", "project", "claim_kind", "group", "set_off"),
                        name="paid_total_once",
                        nulls_distinct=False,
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="BankTotal",
            fields=[
                ("city_code", zhaoliang.kernel.db.fields.CityCodeField(verbose_name="城市")),
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("month", models.DateField(verbose_name="月份（第一天）")),
                ("amount_fen", models.BigIntegerField(verbose_name="金额（分）")),
                (
                    "bank_return",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="totals",
                        to="payments.bankreturn",
                        verbose_name="银行文件",
                    ),
                ),
                (
                    "batch",
                    zhaoliang.kernel.db.fields.CityForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.paymentbatch",
                        verbose_name="批次",
                    ),
                ),
            ],
            options={
                "db_table": "bank_total",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("city_code", "bank_return", "batch", "month"), name="bank_total_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(PAID, migrations.RunSQL.noop),
        migrations.RunSQL(BANK, migrations.RunSQL.noop),
    ]
