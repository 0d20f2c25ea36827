"""A voucher is not used for a class that meets another of its holder's."""

from django.db import migrations

from zhaoliang.kernel.db.sqlfiles import SqlFile


class Migration(migrations.Migration):
    dependencies = [("vouchers", "0011_issue_outcomes")]

    operations = [SqlFile("zhaoliang.vouchers", "sql/use_voucher.sql")]
