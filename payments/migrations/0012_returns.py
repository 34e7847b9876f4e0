"""Tickets that are given back, and refunds that a second person must agree to."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import touch


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0015_refund_terms"),
        ("payments", "0011_offline"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="reason",
            field=models.CharField(
                choices=[
                    ("seats_lost", "paid too late, the seats were gone"),
                    ("paid_twice", "paid twice"),
                    ("returned", "tickets given back"),
                    ("booking_cancelled", "booking cancelled"),
                    ("event_cancelled", "event cancelled"),
                    ("wrong_amount", "not the amount that was due"),
                    ("by_staff", "given back by the organizer"),
                    ("at_gateway", "made at the gateway itself"),
                ],
                max_length=20,
                verbose_name="reason",
            ),
        ),
        migrations.CreateModel(
            name="RefundApproval",
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
                ("key", models.CharField(editable=False, max_length=64)),
                ("amount_minor", models.PositiveBigIntegerField(verbose_name="amount, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("lines", models.JSONField(blank=True, default=list, verbose_name="tickets")),
                ("note", models.CharField(max_length=300, verbose_name="why")),
                ("requested_by", models.CharField(max_length=60, verbose_name="wished by")),
                (
                    "status",
                    models.CharField(
                        choices=[("waiting", "waiting"), ("approved", "agreed to"), ("declined", "declined")],
                        default="waiting",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("decided_by", models.CharField(blank=True, db_default="", max_length=60, verbose_name="decided by")),
                ("decided_at", models.DateTimeField(blank=True, null=True, verbose_name="decided")),
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
                        related_name="approvals",
                        to="payments.payment",
                        verbose_name="payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "refund to agree to",
                "verbose_name_plural": "refunds to agree to",
                "constraints": [
                    models.UniqueConstraint(fields=("payment", "key"), name="payments_refundapproval_wished_once"),
                    models.CheckConstraint(
                        condition=models.Q(("amount_minor__gt", 0)), name="payments_refundapproval_amount_positive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("decided_at", None), ("decided_by", ""), ("status", "waiting")),
                            models.Q(
                                ("decided_at__isnull", False),
                                ("status__in", ["approved", "declined"]),
                                models.Q(("decided_by", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="payments_refundapproval_decided_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decided_by", models.F("requested_by")), ("status", "approved"), _negated=True),
                        name="payments_refundapproval_four_eyes",
                    ),
                ],
            },
        ),
        touch("payments_refundapproval"),
    ]
