"""Invoices and credit notes, and what organizers say in them."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_four_eyes"),
        ("bookings", "0007_refund_terms"),
        ("events", "0020_tax_rates"),
        ("payments", "0022_payouts"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="seller",
            options={"verbose_name": "seller", "verbose_name_plural": "tax and invoices"},
        ),
        migrations.AddField(
            model_name="seller",
            name="address",
            field=models.TextField(
                blank=True, db_default="", help_text="With the country.", max_length=500, verbose_name="address"
            ),
        ),
        migrations.AddField(
            model_name="seller",
            name="invoice_note",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Like the ground on which no tax is due, or the company register.",
                max_length=300,
                verbose_name="note on invoices",
            ),
        ),
        migrations.AddField(
            model_name="seller",
            name="invoice_prefix",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="CITY makes CITY-2026-00001.",
                max_length=12,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[A-Z0-9](-?[A-Z0-9])*$", "Capital letters and digits, with hyphens between them."
                    )
                ],
                verbose_name="prefix of invoice numbers",
            ),
        ),
        migrations.AddField(
            model_name="seller",
            name="name",
            field=models.CharField(blank=True, db_default="", max_length=200, verbose_name="name on invoices"),
        ),
        migrations.AddField(
            model_name="seller",
            name="vat_id",
            field=models.CharField(blank=True, db_default="", max_length=30, verbose_name="VAT id or tax number"),
        ),
        migrations.CreateModel(
            name="Invoice",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("invoice", "invoice"), ("credit_note", "credit note")], max_length=20, verbose_name="what"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField(verbose_name="year")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("label", models.CharField(max_length=40, verbose_name="number")),
                ("issued_on", models.DateField(verbose_name="date")),
                ("supplied_on", models.DateField(verbose_name="date of the event")),
                ("seller", models.JSONField(verbose_name="seller")),
                ("buyer", models.JSONField(verbose_name="buyer")),
                ("lines", models.JSONField(verbose_name="lines")),
                ("taxes", models.JSONField(verbose_name="tax")),
                ("total_minor", models.PositiveBigIntegerField(verbose_name="total, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("language", models.CharField(max_length=10, verbose_name="language")),
                ("asked_by", models.CharField(max_length=80, verbose_name="asked for by")),
                ("pdf", models.BinaryField()),
                ("pdf_sha256", models.CharField(max_length=64, verbose_name="SHA-256 of the PDF")),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="bookings.booking",
                        verbose_name="booking",
                    ),
                ),
                (
                    "corrects",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_notes",
                        to="payments.invoice",
                        verbose_name="credit note for",
                    ),
                ),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="events.event",
                        verbose_name="event",
                    ),
                ),
                (
                    "organizer",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="accounts.organizer",
                        verbose_name="organizer",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="invoices",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
                (
                    "refund",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credit_note",
                        to="payments.refund",
                        verbose_name="refund",
                    ),
                ),
            ],
            options={
                "verbose_name": "invoice",
                "verbose_name_plural": "invoices",
                "constraints": [
                    models.UniqueConstraint(fields=("organizer", "year", "number"), name="payments_invoice_number_once"),
                    models.UniqueConstraint(fields=("organizer", "label"), name="payments_invoice_label_once"),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "invoice")), fields=("payment",), name="payments_invoice_one_per_payment"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("corrects", None), ("kind", "invoice"), ("refund", None)),
                            models.Q(("corrects__isnull", False), ("kind", "credit_note"), ("refund__isnull", False)),
                            _connector="OR",
                        ),
                        name="payments_invoice_kind_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1), ("total_minor__gt", 0)), name="payments_invoice_of_something"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="InvoiceCounter",
            fields=[
                ("id", models.UUIDField(default=evently.database.uuid7, editable=False, primary_key=True, serialize=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(), editable=False, verbose_name="created"
                    ),
                ),
                ("year", models.PositiveSmallIntegerField()),
                ("last", models.PositiveIntegerField()),
                (
                    "organizer",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.organizer"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("organizer", "year"), name="payments_invoicecounter_one_per_year")
                ],
            },
        ),
        append_only("payments_invoice"),
    ]
