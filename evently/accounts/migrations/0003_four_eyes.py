"""Above which amount a refund needs a colleague who agrees."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="organizer",
            name="four_eyes_above",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Whoever gives more than this amount of a payment back needs a colleague who agrees. Empty: nobody does.",
                max_digits=10,
                null=True,
                validators=[django.core.validators.MinValueValidator(0)],
                verbose_name="four eyes above",
            ),
        ),
    ]
