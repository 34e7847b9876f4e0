"""What organizers do with events."""

from .copies import PlannedDate, Times, clone_event, plan_dates, repeat_event
from .dates import postpone_event, reschedule_event
from .publish import make_categories_from_plan, publish_event
from .refusals import NotMovable, NotPublishable, SeveralReasons, VenueTaken
from .venue import ONE_AT_A_TIME, check_venue, taking_the_venue

__all__ = [
    "ONE_AT_A_TIME",
    "NotMovable",
    "NotPublishable",
    "PlannedDate",
    "SeveralReasons",
    "Times",
    "VenueTaken",
    "check_venue",
    "clone_event",
    "make_categories_from_plan",
    "plan_dates",
    "postpone_event",
    "publish_event",
    "repeat_event",
    "reschedule_event",
    "taking_the_venue",
]
