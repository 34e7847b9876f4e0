from django.contrib.admin.apps import AdminConfig


class DeskConfig(AdminConfig):
    """Django's admin with the organizers' desk as its site."""

    default_site = "evently.desk.site.Desk"
