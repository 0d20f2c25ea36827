import zhaoliang.kernel.fields
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("subsidies", "0002_review_and_bank_outcomes")]

    # Text does not turn into ciphertext by a cast: the column is made anew.
    operations = [
        migrations.RemoveField(model_name="objection", name="contact"),
        migrations.AddField(
            model_name="objection",
            name="contact",
            field=zhaoliang.kernel.fields.EncryptedTextField(editable=True, null=True, verbose_name="联系方式"),
        ),
    ]
