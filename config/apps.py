from django.contrib.admin.apps import AdminConfig


class StaffAdminConfig(AdminConfig):
    """Django's admin, with our site: it asks for the second factor."""

    default_site = "logistics.people.site.StaffSite"
