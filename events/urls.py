from django.urls import path

from . import views

app_name = "events"
urlpatterns = [
    path("", views.home, name="home"),
    path("events/<slug:slug>/", views.show_event, name="show-event"),
    path("events/<slug:slug>/seats/", views.pick_seats, name="pick-seats"),
    path("events/<slug:slug>/seats/states/", views.seat_states, name="seat-states"),
    path("events/<slug:slug>/tickets/", views.pick_tickets, name="pick-tickets"),
]
