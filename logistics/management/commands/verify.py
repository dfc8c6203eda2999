from django.core.management.base import BaseCommand, CommandError

from logistics.health import services as health


class Command(BaseCommand):
    help = (
        "Check the invariants of all data and list the rows that break them. Exits non-zero if any is broken. The"
        " hourly check looks at a part of the audit trail each time; this looks at all of it."
    )

    def handle(self, *args: object, **options: object) -> None:
        findings = health.check_all(progress=self._tell)
        for finding in findings:
            if finding.broken:
                self.stdout.write(self.style.ERROR(f"broken  {finding.statement}"))
                self.stdout.write(f"        {finding.broken} rows: {', '.join(finding.samples)}")
            else:
                self.stdout.write(f"holds   {finding.statement}")
        broken = sum(1 for finding in findings if finding.broken)
        if broken:
            raise CommandError(f"{broken} of {len(findings)} statements do not hold.")
        self.stdout.write(self.style.SUCCESS(f"All {len(findings)} statements hold."))

    def _tell(self, checked: int, total: int) -> None:
        if self.stderr.isatty():
            self.stderr.write(
                f"\r{checked:,} of {total:,} entries of the audit trail", ending="\n" if checked == total else ""
            )
