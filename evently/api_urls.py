"""Every address of the API below /api/v1/."""

from typing import TYPE_CHECKING, Any

from django.urls import path

from bookings.api import BookingViewSet
from evently.accounts.api import MeView, ObtainView, RefreshView, RegisterView, RevokeView
from events.api import (
    AvailabilityView,
    CategoryViewSet,
    EventServiceViewSet,
    EventViewSet,
    PriceChangesView,
    SeatsView,
    ServiceViewSet,
    TicketTypeViewSet,
)
from payments.api import AccountWebhookView, RefundViewSet, WebhookView
from venues.api import SeatingPlanViewSet, VenueViewSet

if TYPE_CHECKING:
    from rest_framework.decorators import ViewSetAction  # there is none at run time

Actions = dict[str, "str | ViewSetAction[Any]"]  # view sets take nothing narrower

MANY: Actions = {"get": "list", "post": "create"}
ONE: Actions = {"get": "retrieve", "patch": "partial_update", "delete": "destroy"}
PART: Actions = {"patch": "partial_update", "delete": "destroy"}

app_name = "api"
urlpatterns = [
    path("auth/register/", RegisterView.as_view(), name="register"),
    path("auth/token/", ObtainView.as_view(), name="obtain-token"),
    path("auth/token/refresh/", RefreshView.as_view(), name="refresh-token"),
    path("auth/token/revoke/", RevokeView.as_view(), name="revoke-token"),
    path("me/", MeView.as_view(), name="me"),
    path("venues/", VenueViewSet.as_view(MANY), name="venues"),
    path("venues/<uuid:pk>/", VenueViewSet.as_view(ONE), name="venue"),
    path("venues/<uuid:venue>/seating-plans/", SeatingPlanViewSet.as_view(MANY), name="seating-plans"),
    path("venues/<uuid:venue>/seating-plans/<uuid:pk>/", SeatingPlanViewSet.as_view({"get": "retrieve"}), name="seating-plan"),
    path("events/", EventViewSet.as_view(MANY), name="events"),
    path("events/<uuid:pk>/", EventViewSet.as_view(ONE), name="event"),
    path("events/<uuid:pk>/publish/", EventViewSet.as_view({"post": "publish", "get": "publishing"}), name="publish-event"),
    path("events/<uuid:pk>/postpone/", EventViewSet.as_view({"post": "postpone"}), name="postpone-event"),
    path("events/<uuid:pk>/reschedule/", EventViewSet.as_view({"post": "reschedule"}), name="reschedule-event"),
    path("events/<uuid:pk>/clone/", EventViewSet.as_view({"post": "clone"}), name="clone-event"),
    path("events/<uuid:pk>/repeat/", EventViewSet.as_view({"post": "repeat"}), name="repeat-event"),
    path("events/<uuid:pk>/cancel/", EventViewSet.as_view({"post": "cancel", "get": "cancelling"}), name="cancel-event"),
    path("events/<uuid:event>/categories/", CategoryViewSet.as_view(MANY), name="categories"),
    path("events/<uuid:event>/categories/<uuid:pk>/", CategoryViewSet.as_view(PART), name="category"),
    path("events/<uuid:event>/ticket-types/", TicketTypeViewSet.as_view(MANY), name="ticket-types"),
    path("events/<uuid:event>/ticket-types/<uuid:pk>/", TicketTypeViewSet.as_view(PART), name="ticket-type"),
    path("services/", ServiceViewSet.as_view(MANY), name="services"),
    path("services/<uuid:pk>/", ServiceViewSet.as_view(ONE), name="service"),
    path("events/<uuid:event>/services/", EventServiceViewSet.as_view(MANY), name="event-services"),
    path("events/<uuid:event>/services/<uuid:pk>/", EventServiceViewSet.as_view(PART), name="event-service"),
    path("events/<uuid:event>/seats/", SeatsView.as_view(), name="seats"),
    path("events/<uuid:event>/price-changes/", PriceChangesView.as_view(), name="price-changes"),
    path("events/<uuid:event>/availability/", AvailabilityView.as_view(), name="availability"),
    path("bookings/", BookingViewSet.as_view(MANY), name="bookings"),
    path("bookings/<uuid:pk>/", BookingViewSet.as_view({"get": "retrieve", "patch": "partial_update"}), name="booking"),
    path("bookings/<uuid:pk>/extend/", BookingViewSet.as_view({"post": "extend"}), name="extend-hold"),
    path("bookings/<uuid:pk>/cancel/", BookingViewSet.as_view({"post": "cancel"}), name="cancel-booking"),
    path("bookings/<uuid:pk>/checkout/", BookingViewSet.as_view({"post": "checkout"}), name="checkout"),
    path("bookings/<uuid:pk>/refund-quote/", BookingViewSet.as_view({"get": "refund_quote"}), name="refund-quote"),
    path("payments/<uuid:payment>/refunds/", RefundViewSet.as_view(MANY), name="refunds"),
    path("payments/webhooks/<str:gateway>/", WebhookView.as_view(), name="webhook"),
    path("payments/webhooks/<str:gateway>/<uuid:account>/", AccountWebhookView.as_view(), name="account-webhook"),
]
