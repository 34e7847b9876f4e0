"""How much VAT is in prices: by event, ticket type and service."""

import django.core.validators
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_four_eyes"),
        ("events", "0015_refund_terms"),
        ("venues", "0003_overview"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="event",
            name="tax_rate",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Empty: the rate of the organizer.",
                max_digits=5,
                null=True,
                validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                verbose_name="VAT in the price, %",
            ),
        ),
        migrations.AddField(
            model_name="eventservice",
            name="tax_rate",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Empty: the rate of the event.",
                max_digits=5,
                null=True,
                validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                verbose_name="VAT in the price, %",
            ),
        ),
        migrations.AddField(
            model_name="tickettype",
            name="tax_rate",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="Empty: the rate of the event.",
                max_digits=5,
                null=True,
                validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                verbose_name="VAT in the price, %",
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate", None), ("tax_rate__range", (0, 100)), _connector="OR"),
                name="events_event_tax_rate_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="eventservice",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate", None), ("tax_rate__range", (0, 100)), _connector="OR"),
                name="events_eventservice_tax_rate_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="tickettype",
            constraint=models.CheckConstraint(
                condition=models.Q(("tax_rate", None), ("tax_rate__range", (0, 100)), _connector="OR"),
                name="events_tickettype_tax_rate_sane",
            ),
        ),
    ]
