from django.urls import path

from . import views

app_name = "payments"
urlpatterns = [
    path("bookings/<uuid:booking>/pay/", views.pay, name="pay"),
    path("payments/<uuid:pk>/return/", views.return_from_gateway, name="return"),
    path("payments/<uuid:pk>/leave/", views.leave, name="leave"),
    path("payments/<uuid:pk>/how/", views.offline, name="offline"),
    path("bookings/<uuid:booking>/invoice/", views.invoice, name="invoice"),
    path("invoices/<uuid:pk>/", views.invoice_pdf, name="invoice-pdf"),
    path("sandbox/<uuid:pk>/", views.sandbox, name="sandbox"),
]
