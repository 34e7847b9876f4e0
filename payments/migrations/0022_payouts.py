"""What is settled between the platform and organizers."""

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import evently.database
from evently.database import append_only


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_four_eyes"),
        ("events", "0020_tax_rates"),
        ("payments", "0021_sales_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payout",
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
                        choices=[("paid", "paid out"), ("received", "received from the organizer"), ("undone", "undone")],
                        max_length=10,
                        verbose_name="what",
                    ),
                ),
                ("amount_minor", models.PositiveBigIntegerField(verbose_name="amount, in minor units")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                ("due_minor", models.PositiveBigIntegerField(verbose_name="due before, in minor units")),
                ("paid_on", models.DateField(verbose_name="on")),
                ("reference", models.CharField(max_length=100, verbose_name="reference")),
                ("recorded_by", models.CharField(max_length=60, verbose_name="recorded by")),
            ],
            options={
                "verbose_name": "payout",
                "verbose_name_plural": "payouts",
            },
        ),
        migrations.RemoveConstraint(
            model_name="ledgerentry",
            name="payments_ledgerentry_account_known",
        ),
        migrations.RemoveConstraint(
            model_name="ledgertransaction",
            name="payments_ledgertransaction_kind_known",
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="account",
            field=models.CharField(
                choices=[
                    ("clearing", "at the gateway"),
                    ("gateway_fees", "gateway fees"),
                    ("buyers", "owed to buyers"),
                    ("organizer", "owed to the organizer"),
                    ("platform_fees", "platform fees"),
                    ("tax", "tax owed"),
                    ("disputed", "disputed"),
                    ("by_hand", "paid by hand"),
                    ("settled", "settled with the organizer"),
                    ("bank", "bank account of the platform"),
                ],
                max_length=20,
                verbose_name="account",
            ),
        ),
        migrations.AlterField(
            model_name="ledgerentry",
            name="event",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="events.event",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransaction",
            name="event",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="events.event",
                verbose_name="event",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransaction",
            name="kind",
            field=models.CharField(
                choices=[
                    ("capture", "payment"),
                    ("gateway_fee", "gateway fee"),
                    ("refund_due", "refund promised"),
                    ("refund_paid", "refund paid"),
                    ("refund_returned", "refund returned"),
                    ("dispute_opened", "dispute opened"),
                    ("dispute_closed", "dispute closed"),
                    ("payout", "payout"),
                ],
                max_length=20,
                verbose_name="what",
            ),
        ),
        migrations.AlterField(
            model_name="ledgertransaction",
            name="payment",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="ledger_transactions",
                to="payments.payment",
                verbose_name="payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "account__in",
                        [
                            "clearing",
                            "gateway_fees",
                            "buyers",
                            "organizer",
                            "platform_fees",
                            "tax",
                            "disputed",
                            "by_hand",
                            "settled",
                            "bank",
                        ],
                    )
                ),
                name="payments_ledgerentry_account_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgertransaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "capture",
                            "gateway_fee",
                            "refund_due",
                            "refund_paid",
                            "refund_returned",
                            "dispute_opened",
                            "dispute_closed",
                            "payout",
                        ],
                    )
                ),
                name="payments_ledgertransaction_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="ledgertransaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event", None), ("kind", "payout"), ("payment", None)),
                    models.Q(models.Q(("kind", "payout"), _negated=True), ("event__isnull", False), ("payment__isnull", False)),
                    _connector="OR",
                ),
                name="payments_ledgertransaction_of_a_payment",
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="organizer",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payouts",
                to="accounts.organizer",
                verbose_name="organizer",
            ),
        ),
        migrations.AddField(
            model_name="payout",
            name="undoes",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="undone_by",
                to="payments.payout",
                verbose_name="undoes",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(
                fields=("organizer", "kind", "reference"), name="payments_payout_written_down_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["paid", "received"]), ("undoes", None)),
                    models.Q(("kind", "undone"), ("undoes__isnull", False)),
                    _connector="OR",
                ),
                name="payments_payout_kind_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_minor__gt", 0),
                    models.Q(("kind", "undone"), ("amount_minor__lte", models.F("due_minor")), _connector="OR"),
                ),
                name="payments_payout_not_above_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("reference", ""), _negated=True), models.Q(("recorded_by", ""), _negated=True)),
                name="payments_payout_who_and_what",
            ),
        ),
        append_only("payments_payout"),
    ]
