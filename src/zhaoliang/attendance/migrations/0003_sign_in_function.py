from django.db import migrations, models

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("attendance", "0002_attendance_note"), ("kernel", "0003_hold_keys")]

    operations = [
        migrations.AddIndex(
            model_name="signin",
            index=models.Index(fields=["city_code", "device_hash", "at"], name="sign_in_device"),
        ),
        # Each row is written twice, when the class starts and at sign-in: room for the second on the same page keeps
        # the change out of all four indexes.
        migrations.RunSQL("ALTER TABLE attendance SET (fillfactor = 50)", "ALTER TABLE attendance RESET (fillfactor)"),
        SqlFile("zhaoliang.attendance", "sql/sign_in.sql"),
    ]
