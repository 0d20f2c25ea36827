from django.db import migrations

CITIES = "SELECT DISTINCT city_code FROM bank_return ORDER BY city_code"
# As `payments.totals` counts; what is right already (counted since, or filled by an earlier 0009) is not written again.
BOOKED = """
UPDATE bank_total AS kept SET booked_fen = said.fen
FROM (
    SELECT said.city_code, said.bank_return_id, line.batch_id, sum(said.amount_fen) AS fen,
           date_trunc('month', coalesce(said.value_on, (file.at AT TIME ZONE 'Asia/Shanghai')::date))::date AS month
    FROM bank_return_line AS said
    JOIN bank_return AS file ON file.city_code = said.city_code AND file.id = said.bank_return_id
    JOIN payment_line AS line ON line.city_code = said.city_code AND line.id = said.payment_line_id
    WHERE said.city_code = %(city)s AND said.outcome = 'paid'
    GROUP BY 1, 2, 3, 5
) AS said
WHERE kept.city_code = %(city)s AND said.bank_return_id = kept.bank_return_id AND said.batch_id = kept.batch_id
  AND said.month = kept.month AND kept.booked_fen <> said.fen
"""


def fill(apps, schema_editor):
    """City by city, each by itself: reports and bookings go on; run again where it was broken off."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(CITIES)
        for (city,) in cursor.fetchall():
            cursor.execute(BOOKED, {"city": city})


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("payments", "0009_booked_with_file"),
    ]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
