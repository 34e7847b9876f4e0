"""Prices that follow rules, and the history of every price."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import append_only, touch


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0011_summary_places"),
        ("outbox", "0002_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="PriceChange",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("old_minor", models.PositiveBigIntegerField(verbose_name="old price")),
                ("new_minor", models.PositiveBigIntegerField(verbose_name="new price")),
                ("reason", models.CharField(max_length=300, verbose_name="reason")),
                ("actor", models.CharField(max_length=80, verbose_name="who")),
                ("sold", models.PositiveIntegerField(verbose_name="places sold then")),
                ("places", models.PositiveIntegerField(verbose_name="of places")),
            ],
            options={
                "verbose_name": "price change",
                "verbose_name_plural": "price changes",
            },
        ),
        migrations.CreateModel(
            name="PricingRule",
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
                (
                    "sold_percent",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)],
                        verbose_name="sold, from %",
                    ),
                ),
                (
                    "slack_percent",
                    models.PositiveSmallIntegerField(
                        default=3,
                        help_text="It ends only when so much less is sold than it began with: prices do not flicker.",
                        verbose_name="slack, %",
                    ),
                ),
                ("hours_before", models.PositiveIntegerField(blank=True, null=True, verbose_name="hours before the start, from")),
                (
                    "change_percent",
                    models.DecimalField(
                        blank=True,
                        decimal_places=2,
                        max_digits=6,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(-99),
                            django.core.validators.MaxValueValidator(1000),
                        ],
                        verbose_name="change, %",
                    ),
                ),
                ("change_minor", models.BigIntegerField(blank=True, null=True, verbose_name="change, in minor units")),
                (
                    "floor_minor",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="never below, in minor units"),
                ),
                (
                    "ceiling_minor",
                    models.PositiveBigIntegerField(blank=True, null=True, verbose_name="never above, in minor units"),
                ),
                (
                    "round_to_minor",
                    models.PositiveIntegerField(
                        default=1,
                        validators=[django.core.validators.MinValueValidator(1)],
                        verbose_name="rounded to, in minor units",
                    ),
                ),
                ("is_active", models.BooleanField(default=True, verbose_name="active")),
                ("holds_since", models.DateTimeField(editable=False, null=True, verbose_name="holds since")),
            ],
            options={
                "verbose_name": "pricing rule",
                "verbose_name_plural": "pricing rules",
            },
        ),
        migrations.AddField(
            model_name="tickettype",
            name="base_price_minor",
            field=models.PositiveBigIntegerField(
                editable=False,
                help_text="What people have set, while pricing rules make it another one.",
                null=True,
                verbose_name="price without rules, in minor units",
            ),
        ),
        migrations.AddIndex(
            model_name="tickettype",
            index=models.Index(
                condition=models.Q(("base_price_minor__isnull", False)), fields=["event"], name="events_tickettype_repriced"
            ),
        ),
        migrations.AddField(
            model_name="pricechange",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="price_changes", to="events.event", verbose_name="event"
            ),
        ),
        migrations.AddField(
            model_name="pricechange",
            name="ticket_type",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="price_changes",
                to="events.tickettype",
                verbose_name="ticket type",
            ),
        ),
        migrations.AddField(
            model_name="pricingrule",
            name="category",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="events.category",
                verbose_name="category",
            ),
        ),
        migrations.AddField(
            model_name="pricingrule",
            name="event",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="pricing_rules", to="events.event", verbose_name="event"
            ),
        ),
        migrations.AddField(
            model_name="pricingrule",
            name="ticket_type",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="events.tickettype",
                verbose_name="ticket type",
            ),
        ),
        migrations.AddField(
            model_name="pricechange",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="price_changes",
                to="events.pricingrule",
                verbose_name="rule",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("sold_percent__isnull", False), ("hours_before__isnull", False), _connector="OR"),
                name="events_pricingrule_has_condition",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("change_minor__isnull", False), ("change_percent", None)),
                    models.Q(("change_minor", None), ("change_percent__isnull", False)),
                    _connector="OR",
                ),
                name="events_pricingrule_changes_by_one",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("category", None), ("ticket_type", None), _connector="OR"),
                name="events_pricingrule_category_or_ticket_type",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("sold_percent", None),
                    models.Q(("sold_percent__range", (1, 100)), ("slack_percent__lt", models.F("sold_percent"))),
                    _connector="OR",
                ),
                name="events_pricingrule_can_end",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("change_percent", None), ("change_percent__range", (-99, 1000)), _connector="OR"),
                name="events_pricingrule_percent_sane",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ceiling_minor", None),
                    ("ceiling_minor__gte", django.db.models.functions.comparison.Coalesce(models.F("floor_minor"), 0)),
                    _connector="OR",
                ),
                name="events_pricingrule_floor_not_above_ceiling",
            ),
        ),
        migrations.AddConstraint(
            model_name="pricingrule",
            constraint=models.CheckConstraint(condition=models.Q(("round_to_minor__gte", 1)), name="events_pricingrule_rounds"),
        ),
        migrations.AddConstraint(
            model_name="pricechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("new_minor", models.F("old_minor")), _negated=True), name="events_pricechange_changes"
            ),
        ),
        migrations.AddConstraint(
            model_name="pricechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("sold__lte", models.F("places"))), name="events_pricechange_sold_within_places"
            ),
        ),
        touch("events_pricingrule"),
        append_only("events_pricechange"),
    ]
