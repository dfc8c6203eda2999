from argparse import ArgumentParser
from datetime import timedelta

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from logistics.errors import Invalid, WrongState
from logistics.partners import services as partners
from logistics.partners.models import Site
from logistics.people import services
from logistics.people.models import User


class Command(BaseCommand):
    help = "Create an API key with which a program acts as this user. It is printed once and not stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--name", required=True, help="the program that uses it")
        parser.add_argument("--days", type=int, default=90, help="until it expires")
        parser.add_argument("--replace", action="store_true", help="revoke the user's earlier keys of this name")
        parser.add_argument(
            "--site", help="code of a site of the user's partner: the key is for a program that sees this site only"
        )

    def handle(
        self, *args: object, email: str, name: str, days: int, replace: bool, site: str | None, **options: object
    ) -> None:
        try:
            user = User.objects.get_by_natural_key(email)
            key = self._make(user, name=name, valid=timedelta(days=days), replace=replace, site=site)
        except User.DoesNotExist as error:
            raise CommandError(
                "No user has this email address. Create the user first: manage.py create_user."
            ) from error
        except services.TooManyKeys as error:
            raise CommandError(f"{error} --replace revokes keys of the same name.") from error
        except (Invalid, WrongState) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(key.text)

    def _make(self, user: User, *, name: str, valid: timedelta, replace: bool, site: str | None) -> services.NewKey:
        now = timezone.now()
        if site is None:
            make = services.replace_keys if replace else services.make_key
            return make(user, name=name, valid=valid, by=None, at=now)
        partner, found = partners.partner_of(user), Site.objects.filter(code=site).first()
        if partner is None or found is None:
            raise CommandError("--site is for a user who acts for a partner, and takes the code of a site of it.")
        return partners.issue_key(partner, name=name, valid=valid, site=found, replace=replace, by=None, at=now)
