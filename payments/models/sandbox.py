"""The sandbox gateway's own book, as if it were another company's: the platform reads it only through the gateway."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from evently.database import EditableRow


class SandboxCharge(EditableRow):
    """A payment as the sandbox knows it."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        PAID = "paid", _("paid")
        DECLINED = "declined", _("declined")
        ABANDONED = "abandoned", _("abandoned")

    idempotency_key = models.CharField(max_length=64, unique=True)
    reference = models.CharField(max_length=40)
    description = models.CharField(max_length=200)
    amount_minor = models.PositiveBigIntegerField()
    currency = models.CharField(max_length=3)
    return_url = models.URLField(max_length=500)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)

    class Meta:
        verbose_name = _("sandbox charge")
        verbose_name_plural = _("sandbox charges")

    def __str__(self) -> str:
        return self.reference


class SandboxRefund(EditableRow):
    """Money that the sandbox sends back, or has sent back: asked for by the platform, or by a click at the sandbox itself."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        SUCCEEDED = "succeeded", _("succeeded")
        FAILED = "failed", _("failed")

    charge = models.ForeignKey(SandboxCharge, models.CASCADE, related_name="refunds")
    idempotency_key = models.CharField(max_length=64, unique=True)
    reference = models.CharField(max_length=40, blank=True)
    amount_minor = models.PositiveBigIntegerField()
    status = models.CharField(max_length=10, choices=Status, default=Status.SUCCEEDED)

    class Meta:
        verbose_name = _("sandbox refund")
        verbose_name_plural = _("sandbox refunds")

    def __str__(self) -> str:
        return self.reference


class SandboxDispute(EditableRow):
    """Money that the buyer's bank has taken back from the sandbox."""

    charge = models.ForeignKey(SandboxCharge, models.CASCADE, related_name="disputes")
    amount_minor = models.PositiveBigIntegerField()
    is_lost = models.BooleanField(null=True, blank=True)

    class Meta:
        verbose_name = _("sandbox dispute")
        verbose_name_plural = _("sandbox disputes")

    def __str__(self) -> str:
        return str(self.charge)
