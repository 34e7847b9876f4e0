from django.urls import path

from . import picking_views, views

app_name = "events"
urlpatterns = [
    path("", views.home, name="home"),
    path("events/<slug:slug>/", views.show_event, name="show-event"),
    path("events/<slug:slug>/code/", views.enter_code, name="enter-code"),
    path("events/<slug:slug>/seats/", picking_views.pick_seats, name="pick-seats"),
    path("events/<slug:slug>/seats/states/", picking_views.seat_states, name="seat-states"),
    path("events/<slug:slug>/tickets/", picking_views.pick_tickets, name="pick-tickets"),
]
