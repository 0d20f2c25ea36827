from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("careers", "0001_initial")]

    # The model moves to `employment`, below claims, which ask for it; the table stays.
    operations = [migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("JobRecord")])]
