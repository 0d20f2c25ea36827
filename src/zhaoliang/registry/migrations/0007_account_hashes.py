from django.db import migrations, models

import zhaoliang.kernel.fields
from zhaoliang.kernel import crypto

HASHED = {
    "Person": {"phone_hash": ("phone", "phone"), "account_hash": ("card_number", "account")},
    "Organisation": {"account_hash": ("account_number", "account")},
}
BLOCK = 500


def fill(apps, schema_editor):
    """Rows filed before get their hashes, city by city and block by block; runs again where it was broken off."""
    for name, fields in HASHED.items():
        rows = apps.get_model("registry", name).objects
        for city_code in rows.order_by().values_list("city_code", flat=True).distinct():
            last = -1
            while block := list(rows.filter(city_code=city_code, pk__gt=last).order_by("pk")[:BLOCK]):
                for row in block:
                    # By city and number: a person has a file of the same number in each city.
                    hashes = {
                        column: crypto.keyed_hash(plain, purpose=purpose)
                        for column, (source, purpose) in fields.items()
                        if (plain := getattr(row, source))
                    }
                    if hashes:
                        rows.filter(city_code=city_code, pk=row.pk).update(**hashes)
                last = block[-1].pk


class Migration(migrations.Migration):
    dependencies = [("registry", "0006_grant_schemes")]

    operations = [
        migrations.AddField(
            "person",
            "phone_hash",
            zhaoliang.kernel.fields.KeyedHashField(source="phone", purpose="phone", verbose_name="手机号索引"),
        ),
        migrations.AddField(
            "person",
            "account_hash",
            zhaoliang.kernel.fields.KeyedHashField(source="card_number", purpose="account", verbose_name="账号索引"),
        ),
        migrations.AddField(
            "organisation",
            "account_hash",
            zhaoliang.kernel.fields.KeyedHashField(source="account_number", purpose="account", verbose_name="账号索引"),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AddIndex("person", models.Index(fields=["city_code", "phone_hash"], name="person_phone")),
        migrations.AddIndex("person", models.Index(fields=["city_code", "account_hash"], name="person_account")),
        migrations.AddIndex(
            "organisation", models.Index(fields=["city_code", "account_hash"], name="organisation_account")
        ),
    ]
