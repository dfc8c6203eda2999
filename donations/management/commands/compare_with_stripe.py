from datetime import date, datetime, time, timedelta

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from donations.reconciliation import services as reconciliation
from donations.stripe.gateway import PaymentProviderUnavailable
from logistics.charity import services as charities


class Command(BaseCommand):
    help = (
        "Compare Stripe's charges, refunds and disputes with our rows, book what was missed, and list what still"
        " differs. Exits non-zero if anything does. Safe to run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--since", type=date.fromisoformat, help="first day, 2026-01-31 (default: 35 days ago)")
        parser.add_argument("--until", type=date.fromisoformat, help="last day (default: today)")

    def handle(self, *args: object, since: date | None, until: date | None, **options: object) -> None:
        at = timezone.now()
        start = _midnight(since) if since else at - reconciliation.NIGHTLY
        end = min(_midnight(until) + timedelta(days=1), at) if until else at
        if start >= end:
            raise CommandError("--since must be before --until, and not in the future.")
        try:
            left = reconciliation.compare(start, end, at=at, tell=self._tell)
        except PaymentProviderUnavailable as error:
            raise CommandError(f"Stripe does not answer. Run it again: {error}") from error
        for one in left:
            self.stdout.write(
                f"{charities.day_of(one.happened_at)}  {one}  {one.stripe_id}  {one.ours or '-'} / {one.theirs or '-'}"
            )
        if left:
            raise CommandError(
                f"{len(left)} differences are left. They are in the admin, under Differences with Stripe."
            )
        self.stdout.write(self.style.SUCCESS("Stripe and our rows agree."))

    def _tell(self, until: datetime, found: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(f"\rcompared until {until:%Y-%m-%d}", ending="")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=charities.zone())
