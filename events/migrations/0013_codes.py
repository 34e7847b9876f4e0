"""Codes for discounts, and ticket types that are not for everybody."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_rules"),
        ("events", "0012_pricing"),
    ]

    operations = [
        migrations.CreateModel(
            name="PromoCode",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="updated"
                    ),
                ),
                ("code", models.CharField(max_length=40, verbose_name="code")),
                ("canonical", models.CharField(editable=False, max_length=160)),
                (
                    "percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=5,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                        verbose_name="discount, %",
                    ),
                ),
                ("amount_minor", models.PositiveBigIntegerField(blank=True, null=True, verbose_name="discount, in minor units")),
                (
                    "currency",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("EUR", "EUR"),
                            ("USD", "USD"),
                            ("GBP", "GBP"),
                            ("CHF", "CHF"),
                            ("JPY", "JPY"),
                            ("KWD", "KWD"),
                            ("SEK", "SEK"),
                            ("DKK", "DKK"),
                            ("NOK", "NOK"),
                            ("PLN", "PLN"),
                            ("CZK", "CZK"),
                            ("CAD", "CAD"),
                            ("MXN", "MXN"),
                        ],
                        db_default="",
                        max_length=3,
                        verbose_name="currency",
                    ),
                ),
                ("starts_at", models.DateTimeField(blank=True, null=True, verbose_name="valid from")),
                ("ends_at", models.DateTimeField(blank=True, null=True, verbose_name="valid until")),
                (
                    "limit",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: no limit.", null=True, verbose_name="bookings, at most"
                    ),
                ),
                (
                    "per_customer",
                    models.PositiveIntegerField(
                        blank=True, help_text="Empty: no limit.", null=True, verbose_name="bookings per customer, at most"
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "note",
                    models.CharField(
                        blank=True, db_default="", help_text="For the team alone.", max_length=200, verbose_name="note"
                    ),
                ),
            ],
            options={
                "verbose_name": "code",
                "verbose_name_plural": "codes",
            },
        ),
        migrations.AddField(
            model_name="tickettype",
            name="sold_to",
            field=models.CharField(
                choices=[("everybody", "everybody"), ("code", "with a code only"), ("staff", "given by the team")],
                db_default="everybody",
                default="everybody",
                max_length=10,
                verbose_name="sold to",
            ),
        ),
        migrations.AddConstraint(
            model_name="tickettype",
            constraint=models.CheckConstraint(
                condition=models.Q(("sold_to", "staff"), _negated=True) | models.Q(("price_minor", 0)),
                name="events_tickettype_given_costs_nothing",
            ),
        ),
        migrations.AddConstraint(
            model_name="tickettype",
            constraint=models.CheckConstraint(
                condition=models.Q(("sold_to__in", ["everybody", "code", "staff"])), name="events_tickettype_sold_to_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="tickettype",
            constraint=models.CheckConstraint(
                condition=models.Q(("is_default", False), ("sold_to", "everybody"), _connector="OR"),
                name="events_tickettype_default_is_for_everybody",
            ),
        ),
        migrations.AddField(
            model_name="promocode",
            name="event",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: for all events of the organizer.",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="promo_codes",
                to="events.event",
                verbose_name="event",
            ),
        ),
        migrations.AddField(
            model_name="promocode",
            name="organizer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="promo_codes",
                to="accounts.organizer",
                verbose_name="organizer",
            ),
        ),
        migrations.AddField(
            model_name="promocode",
            name="ticket_types",
            field=models.ManyToManyField(
                blank=True,
                help_text="Empty: for all.",
                related_name="discounted_by",
                to="events.tickettype",
                verbose_name="for these tickets",
            ),
        ),
        migrations.AddField(
            model_name="promocode",
            name="unlocks",
            field=models.ManyToManyField(
                blank=True,
                help_text="Tickets that are sold with a code only.",
                related_name="unlocked_by",
                to="events.tickettype",
                verbose_name="opens these tickets",
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event", None)), fields=("organizer", "canonical"), name="events_promocode_one_for_all_events"
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.UniqueConstraint(
                condition=models.Q(("event__isnull", False)), fields=("event", "canonical"), name="events_promocode_one_per_event"
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.CheckConstraint(
                condition=models.Q(("canonical", ""), _negated=True), name="events_promocode_can_be_typed"
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.CheckConstraint(
                condition=models.Q(("percent", None), models.Q(("percent__gt", 0), ("percent__lte", 100)), _connector="OR"),
                name="events_promocode_percent_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_minor", None),
                    models.Q(("amount_minor__gt", 0), ("percent", None), models.Q(("currency", ""), _negated=True)),
                    _connector="OR",
                ),
                name="events_promocode_one_discount",
            ),
        ),
        migrations.AddConstraint(
            model_name="promocode",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("starts_at", None), ("ends_at", None), ("ends_at__gt", models.F("starts_at")), _connector="OR"
                ),
                name="events_promocode_ends_after_start",
            ),
        ),
        touch("events_promocode"),
    ]
