"""Tax and platform fees: what organizers and the platform have set, and what of it held for each sale."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_four_eyes"),
        ("events", "0020_tax_rates"),
        ("payments", "0013_refund_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Sale",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("lines", models.JSONField(verbose_name="what was sold")),
                ("fee_percent", models.DecimalField(decimal_places=2, max_digits=5, verbose_name="platform fee, %")),
                ("fee_fixed_minor", models.PositiveBigIntegerField(verbose_name="platform fee per paid ticket, in minor units")),
                ("fee_minor", models.PositiveBigIntegerField(verbose_name="platform fee, in minor units")),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="events.event",
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sale",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "sale",
                "verbose_name_plural": "sales",
            },
        ),
        migrations.CreateModel(
            name="PlatformFee",
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
                        help_text="Empty: for all that have no row of their own.",
                        max_length=3,
                        verbose_name="currency",
                    ),
                ),
                (
                    "percent",
                    models.DecimalField(
                        decimal_places=2,
                        default=0,
                        max_digits=5,
                        validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                        verbose_name="of what was paid, %",
                    ),
                ),
                ("fixed_minor", models.PositiveBigIntegerField(default=0, verbose_name="and per paid ticket, in minor units")),
                (
                    "organizer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="platform_fees",
                        to="accounts.organizer",
                        verbose_name="organizer",
                    ),
                ),
            ],
            options={
                "verbose_name": "platform fee",
                "verbose_name_plural": "platform fees",
                "constraints": [
                    models.UniqueConstraint(fields=("organizer", "currency"), name="payments_platformfee_one_per_currency"),
                    models.CheckConstraint(
                        condition=models.Q(("percent__range", (0, 100))), name="payments_platformfee_percent_sane"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("fixed_minor", 0), models.Q(("currency", ""), _negated=True), _connector="OR"),
                        name="payments_platformfee_amount_has_currency",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Seller",
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
                    "tax_rate",
                    models.DecimalField(
                        decimal_places=2,
                        default=0,
                        help_text="Holds wherever an event, a ticket type or a service has no rate of its own.",
                        max_digits=5,
                        validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)],
                        verbose_name="VAT in the price, %",
                    ),
                ),
                (
                    "organizer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seller",
                        to="accounts.organizer",
                        verbose_name="organizer",
                    ),
                ),
            ],
            options={
                "verbose_name": "seller",
                "verbose_name_plural": "tax",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("tax_rate__range", (0, 100))), name="payments_seller_tax_rate_sane"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TaxLine",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("tax_rate", models.DecimalField(decimal_places=2, max_digits=5, verbose_name="VAT, %")),
                ("gross_minor", models.BigIntegerField(verbose_name="with tax, in minor units")),
                ("tax_minor", models.BigIntegerField(verbose_name="tax, in minor units")),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="events.event",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_lines",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tax_lines",
                        to="payments.refund",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "tax line",
                "verbose_name_plural": "tax lines",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("payment", "refund", "tax_rate"), name="payments_taxline_one_per_rate", nulls_distinct=False
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("gross_minor__gt", 0),
                                ("refund", None),
                                ("tax_minor__gte", 0),
                                ("tax_minor__lte", models.F("gross_minor")),
                            ),
                            models.Q(
                                ("gross_minor__lt", 0),
                                ("refund__isnull", False),
                                ("tax_minor__gte", models.F("gross_minor")),
                                ("tax_minor__lte", 0),
                            ),
                            _connector="OR",
                        ),
                        name="payments_taxline_within_gross",
                    ),
                ],
            },
        ),
    ]
