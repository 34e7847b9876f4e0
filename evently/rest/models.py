"""One effect per request: the keys that callers promise to repeat only for the same wish."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from evently.database import Row


class IdempotencyKey(Row):
    """Inserted first, in the transaction of the effect that it names by `object_id`."""

    owner = models.CharField(_("owner"), max_length=80)
    key = models.CharField(_("key"), max_length=255)
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    object_id = models.UUIDField(_("object"))

    class Meta:
        verbose_name = _("idempotency key")
        verbose_name_plural = _("idempotency keys")
        constraints = [models.UniqueConstraint(fields=["owner", "key"], name="rest_idempotencykey_one_effect")]

    def __str__(self) -> str:
        return self.key
