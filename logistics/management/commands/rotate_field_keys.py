from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils import timezone

from logistics.partners import addresses
from logistics.people import second_factor

BATCH = 200


class Command(BaseCommand):
    help = (
        "Encrypt sealed addresses, refused texts and second factors again under the first key of FIELD_KEYS, and hash"
        " them under it."
        " May be interrupted and run again. Afterwards the older keys can be removed from FIELD_KEYS."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=BATCH, help=f"rows of one transaction (default: {BATCH})")

    def handle(self, *args: object, batch: int, **options: object) -> None:
        self.stdout.write(
            f"{len(settings.FIELD_KEYS)} keys; {addresses.under_older_keys()} rows are under an older one."
        )
        totals = {"ciphertexts": 0, "addresses": 0, "texts": 0}
        for kind, count in addresses.rotate(batch=max(1, batch), at=timezone.now()):
            totals[kind] += count
            self.stdout.write(f"{totals[kind]} {kind}")
        self.stdout.write(f"{second_factor.rotate()} second factors")
        left = addresses.under_older_keys()
        self.stdout.write(
            f"{totals['ciphertexts']} ciphertexts are now under the newest key, and {totals['addresses']} addresses and"
            f" {totals['texts']} refused texts are hashed under it. {left} rows are left under an older key."
        )
        if not left and len(settings.FIELD_KEYS) > 1:
            self.stdout.write("Once no process runs with the old settings, remove the older keys from FIELD_KEYS.")
