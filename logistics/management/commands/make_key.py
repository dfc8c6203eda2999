from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from logistics.people import services
from logistics.people.models import User


class Command(BaseCommand):
    help = "Create an API key with which a program acts as this user. It is printed once and not stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="the program that uses it")
        parser.add_argument("--days", type=int, default=90, help="until it expires")
        parser.add_argument("--replace", action="store_true", help="revoke the user's earlier keys of this name")

    def handle(self, *args: object, email: str, name: str, days: int, replace: bool, **options: object) -> None:
        make = services.replace_keys if replace else services.make_key
        try:
            user = User.objects.get_by_natural_key(email)
            key = make(user, name=name, valid=timedelta(days=days), by=None, at=timezone.now())
        except User.DoesNotExist as error:
            raise CommandError(
                "No user has this email address. Create the user first: manage.py create_user."
            ) from error
        except services.TooManyKeys as error:
            raise CommandError(f"{error} --replace revokes keys of the same name.") from error
        self.stdout.write(key.text)
