"""What the file said of an imported event, in a few letters each."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0007_wheelchair_places"),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="source_marks",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict, editable=False),
        ),
    ]
