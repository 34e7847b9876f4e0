from django.urls import path

from . import basket_views, return_views, views

app_name = "bookings"
urlpatterns = [
    path("bookings/", views.list_bookings, name="list-bookings"),
    path("bookings/<uuid:pk>/", views.show_booking, name="show-booking"),
    path("bookings/<uuid:pk>/open/<str:secret>/", views.open_booking, name="open-booking"),
    path("bookings/<uuid:pk>/cancel/", views.cancel_booking, name="cancel-booking"),
    path("bookings/<uuid:pk>/return/", return_views.return_tickets, name="return-tickets"),
    path("bookings/<uuid:pk>/details/", basket_views.edit_details, name="edit-details"),
    path("bookings/<uuid:pk>/types/", basket_views.change_types, name="change-types"),
    path("bookings/<uuid:pk>/seats/<uuid:seat>/remove/", basket_views.remove_seat, name="remove-seat"),
    path("bookings/<uuid:pk>/services/", basket_views.change_services, name="change-services"),
    path("bookings/<uuid:pk>/code/", basket_views.apply_code, name="apply-code"),
    path("bookings/<uuid:pk>/code/remove/", basket_views.remove_code, name="remove-code"),
    path("bookings/<uuid:pk>/extend/", basket_views.extend_hold, name="extend-hold"),
    path("bookings/<uuid:pk>/retake/", basket_views.retake_seats, name="retake-seats"),
    path("tickets/<uuid:pk>/", views.show_ticket, name="show-ticket"),
    path("terms/", views.show_terms, name="show-terms"),
]
