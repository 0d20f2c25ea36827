from django.db import migrations

# What people wrote is dropped when a job ends; jobs that ended before that was so still hold it.
FORGET = """
UPDATE job SET parameters = parameters - 'disputes'
WHERE kind = 'subsidies.confirm_many' AND ended_at IS NOT NULL AND jsonb_exists(parameters, 'disputes')
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0007_kept_export")]

    operations = [migrations.RunSQL(FORGET, migrations.RunSQL.noop)]
