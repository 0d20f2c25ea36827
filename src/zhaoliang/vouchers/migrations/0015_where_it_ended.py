"""A dead voucher says when and where it ended; a check that came too late or from another city is seen by the holder."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile

# Its answer has more columns now: that cannot be replaced. Older processes name the columns they read.
DROP = "DROP FUNCTION IF EXISTS verify_vouchers(int, bigint, bigint, text, text[], text[], text[], timestamptz, timestamptz[])"


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0014_own_rows")]

    operations = [
        migrations.RunSQL(DROP, migrations.RunSQL.noop),
        SqlFile("zhaoliang.vouchers", "sql/verify_vouchers.sql"),
    ]
