"""For development only."""

from django.urls import path

from . import dev_mail

app_name = "dev-mail"
urlpatterns = [
    path("", dev_mail.list_mails, name="list-mails"),
    path("<str:file>/<int:number>/", dev_mail.show_mail, name="show-mail"),
    path("<str:file>/<int:number>/html/", dev_mail.show_html, name="show-html"),
]
