"""What was booked without an account comes to the account of whoever has proven the e-mail address."""

from typing import Any

from allauth.account.models import EmailAddress

from evently.accounts.models import User

from . import services


def claim_on_sign_in(user: User, **_signal: Any) -> None:
    """Connected to Django's `user_logged_in`. An address that was only typed proves nothing."""
    proven = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    services.claim_bookings(user_id=user.pk, emails=list(proven))
