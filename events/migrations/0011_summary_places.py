import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0010_moved_from")]

    operations = [
        migrations.AddField(
            model_name="eventsummary",
            name="places",
            field=models.JSONField(
                db_default=models.Value({}, django.db.models.fields.json.JSONField()),
                default=dict,
                editable=False,
                verbose_name="places by category",
            ),
        ),
    ]
