from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0009_plan_stays")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="moved_from",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When it was to start before it got another date.",
                null=True,
                verbose_name="moved from",
            ),
        ),
    ]
