import getpass
import os
from argparse import ArgumentParser

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from logistics.people import services
from logistics.people.models import User
from logistics.roles import STAFF_ROLES
from logistics.transactions import Taken


class Command(BaseCommand):
    help = "Create a staff user. Prompts for the password, or takes it from the environment variable PASSWORD."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True)
        parser.add_argument("--role", action="append", required=True, choices=sorted(STAFF_ROLES), dest="roles")
        parser.add_argument("--language", default="en", choices=["en", "fr"])

    def handle(self, *args: object, email: str, name: str, roles: list[str], language: str, **options: object) -> None:
        password = os.environ.get("PASSWORD") or getpass.getpass("Password: ")
        try:
            validate_password(password, User(email=email, name=name))
            user = services.make_user(
                email, password, name=name, roles=roles, language=language, by=None, at=timezone.now()
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        except Taken as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Created {user.email} with the roles {', '.join(user.roles)}.")
