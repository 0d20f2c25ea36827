from django.db import migrations, models

BOOKED = """
UPDATE bank_total AS kept SET booked_fen = said.fen
FROM (
    SELECT said.city_code, said.bank_return_id, line.batch_id, sum(said.amount_fen) AS fen,
           date_trunc('month', coalesce(said.value_on, (file.at AT TIME ZONE 'Asia/Shanghai')::date))::date AS month
    FROM bank_return_line AS said
    JOIN bank_return AS file ON file.city_code = said.city_code AND file.id = said.bank_return_id
    JOIN payment_line AS line ON line.city_code = said.city_code AND line.id = said.payment_line_id
    WHERE said.outcome = 'paid'
    GROUP BY 1, 2, 3, 5
) AS said
WHERE said.city_code = kept.city_code AND said.bank_return_id = kept.bank_return_id AND said.batch_id = kept.batch_id
  AND said.month = kept.month
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0008_totals"),
    ]

    operations = [
        migrations.AddField(
            model_name="banktotal",
            name="booked_fen",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="随文件入账（分）"),
        ),
        migrations.RunSQL(BOOKED, migrations.RunSQL.noop),
    ]
