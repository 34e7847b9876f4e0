"""An overview beside each layout: a large hall is drawn from it without reading the layout."""

from typing import Any

from django.db import migrations, models


def make_overviews(apps: Any, _schema_editor: Any) -> None:
    from venues.geometry import read_layout  # noqa: PLC0415 -- needed once
    from venues.overview import make_overview  # noqa: PLC0415

    for plan in apps.get_model("venues", "SeatingPlan").objects.iterator(chunk_size=10):
        plan.overview = make_overview(read_layout(plan.layout))
        plan.save(update_fields=["overview"])


class Migration(migrations.Migration):
    dependencies = [("venues", "0002_rules")]

    operations = [
        migrations.AddField(
            model_name="seatingplan",
            name="overview",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict, editable=False),
        ),
        migrations.RunPython(make_overviews, migrations.RunPython.noop),
    ]
