"""What is cached of an event is forgotten when something of it is saved."""

from typing import Any

from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from evently.accounts.models import Organizer
from venues.models import Venue

from .models import Category, Event, RefundTerm
from .reads import forget_event, forget_places


@receiver([post_save, post_delete], sender=Event)
def forget_one(instance: Event, **_more: Any) -> None:
    forget_event(instance)
    forget_places(instance.pk)


@receiver([post_save, post_delete], sender=Category)
def forget_its_places(instance: Category, **_more: Any) -> None:
    forget_places(instance.event_id)


@receiver([post_save, post_delete], sender=RefundTerm)
def forget_its_event(instance: RefundTerm, **_more: Any) -> None:
    forget_event(Event.objects.only("slug").get(pk=instance.event_id))


@receiver(post_save, sender=Venue)
@receiver(post_save, sender=Organizer)
def forget_theirs(instance: Venue | Organizer, created: bool, **_more: Any) -> None:
    for event in () if created else instance.events.only("slug"):
        forget_event(event)
