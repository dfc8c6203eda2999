from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from logistics.people import second_factor
from logistics.people.models import User


class Command(BaseCommand):
    help = "Remove a user's second factor, when no administrator can. Where one is required, sign-in asks for another."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: object, email: str, **options: object) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError("No user has this email address.")
        second_factor.remove(user, by=None, at=timezone.now())
        self.stdout.write(f"{user.email} has no second factor now.")
