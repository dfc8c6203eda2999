from importlib import import_module
from importlib.util import find_spec

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from logistics.demonstration import world

# Donations first: a shipment's papers need the charity, which that stage sets up.
STAGES = ("donations.demonstration", "shipments.demonstration")


class Command(BaseCommand):
    help = "Create demonstration data: people, a partner, a catalogue, gifts, a shipment. Safe to run again."

    def handle(self, *args: object, **options: object) -> None:
        if not settings.DEVELOPMENT:
            raise CommandError("Users with known passwords are created in development only: DEBUG is off.")
        at = timezone.now()
        made = world.demonstrate(at)
        for stage in STAGES:
            if find_spec(stage):
                import_module(stage).demonstrate(at)
        self.stdout.write("Sign in at /admin/ as any of these, or call the API as the partner:")
        for role, user in made.staff.items():
            self.stdout.write(f"  {role + ':':15} {user.email}  {made.password}")
        self.stdout.write(f"  {'partner:':15} Authorization: Bearer {made.partner_key}")
        self.stdout.write("  donor:          no account: give at /give/, see your gifts at /my-gifts/")
