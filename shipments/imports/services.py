"""Import a spreadsheet as a manifest: all of it, or nothing and a list of all errors."""

import hashlib
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from logistics.audit import services as audit
from logistics.errors import DomainError
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.partners import traces
from logistics.people.models import User
from logistics.transactions import lock
from shipments.imports import catalogue, workbook, writing
from shipments.imports import plan as planning
from shipments.imports.context import ImportContext
from shipments.imports.errors import Errors
from shipments.imports.models import Upload
from shipments.packing import manifest
from shipments.shipments import lifecycle
from shipments.shipments.actions import ImportRunning
from shipments.shipments.contents import FIGURES, Totals
from shipments.shipments.models import Shipment
from shipments.shipments.services import ManifestFrozen


class TooLarge(DomainError):
    """The file is larger than 10 MB, or a JSON body than 1 MB."""

    code = "too_large"
    status = 413

    def __init__(self) -> None:
        most = settings.UPLOAD_MAX_BYTES // 1_000_000
        super().__init__(f"The file is larger than {most} MB. Send only the sheet of lines, without pictures.")


class TotalsDiffer(Exception):
    """The written totals differ from the planned ones: a bug; everything is rolled back."""


@dataclass(frozen=True)
class SheetOutcome:
    """The result of reading a file: a plan, or errors."""

    plan: planning.Plan | None
    errors: Errors


@transaction.atomic
def upload(shipment: Shipment, content: bytes, *, dry_run: bool, replace: bool, by: User, at: datetime) -> Upload:
    """Queue the import of a spreadsheet into a shipment. Raises TooLarge, ManifestFrozen."""
    if len(content) > settings.UPLOAD_MAX_BYTES:
        raise TooLarge
    shipment = lock(shipment)
    if not shipment.may_be_packed:
        raise ManifestFrozen.of(shipment)
    row = jobs.enqueue(
        Upload(
            shipment=shipment,
            uploaded_by=by,
            uploaded_at=at,
            dry_run=dry_run,
            replace=replace,
            content=content,
            size=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
    )
    audit.record(
        gettext_noop("dry run uploaded") if dry_run else gettext_noop("manifest uploaded"),
        shipment,
        by=by,
        at=at,
        upload=str(row.pk),
        sha256=row.sha256,
    )
    return row


@transaction.atomic
def retry(row: Upload, *, by: User, at: datetime) -> Upload:
    """Retry a dead upload, counting attempts from the start. Raises WrongState unless it is dead."""
    shipment = lock(row.shipment)
    row = jobs.retry(row)
    audit.record("upload retried", shipment, by=by, at=at, upload=str(row.pk))
    return row


def read_upload(upload_id: str, *, at: datetime) -> bool:
    """Read one upload if it is due, and return whether we did. Safe to run twice, concurrently or late."""
    try:
        return jobs.run(Upload, upload_id, partial(_read, at=at), partial(_record, at=at))
    finally:
        traces.settle()


def running(shipment: Shipment, by: User) -> ImportRunning | None:
    """Refuse actions that need the whole manifest while an import is pending. Dry runs do not count."""
    if not shipment.may_be_packed:
        return None
    waiting = shipment.uploads.filter(dry_run=False, state__in=(Job.State.PENDING, Job.State.LEASED))
    first = waiting.order_by("id").only("progress").first()
    if first is None:
        return None
    return ImportRunning(
        _("A spreadsheet is being imported into this shipment (%(progress)d %%). Wait until it is done, and retry.")
        % {"progress": first.progress},
        progress=first.progress,
    )


def _read(row: Upload, *, at: datetime) -> SheetOutcome:
    with translation.override(row.uploaded_by.language):
        try:
            sheet, without_value = workbook.read(bytes(row.content or b""))
        except workbook.Unreadable as problem:
            errors = Errors(problem.sheet)
            errors.add(None, "", problem.code, problem.detail)
            return SheetOutcome(None, errors)
        report = partial(_report_progress, row, [])
        report(30)
        context = ImportContext.of(row.shipment, replace=row.replace, by=row.uploaded_by, at=at)
        return SheetOutcome(*planning.make(sheet, without_value, context, progress=report))


def _report_progress(row: Upload, reported: list[float], percent: int) -> None:
    """Report progress, at most once a second, because each report is a write."""
    now = time.monotonic()
    if not reported or now - reported[0] > 1:
        reported[:] = [now]
        jobs.report_progress(row, percent)


def _record(row: Upload, outcome: SheetOutcome, *, at: datetime) -> dict[str, object]:
    """Write the plan in the transaction that marks the upload as done."""
    shipment = lock(row.shipment)
    plan, errors = outcome.plan, outcome.errors
    replaces = shipment.packages.count() if row.replace else 0
    if plan is not None and not row.dry_run:
        errors = _still_fits(row, shipment, plan, errors, at=at)
    if plan is None or errors.count:
        if not row.dry_run:
            audit.record("manifest refused", shipment, by=None, at=at, upload=str(row.pk), errors=errors.count)
        return {
            "outcome": Upload.Outcome.REFUSED,
            "errors": errors.shown,
            "error_count": errors.count,
            "content": None,
        }
    if not row.dry_run:
        _write(row, shipment, plan, at=at)
    return {
        "outcome": Upload.Outcome.WOULD_IMPORT if row.dry_run else Upload.Outcome.IMPORTED,
        "plan": plan.summary(list(shipment.sites.select_related("site")), replaces=replaces),
        "content": None,
    }


def _write(row: Upload, shipment: Shipment, plan: planning.Plan, *, at: datetime) -> None:
    before = Totals()
    if row.replace:
        writing.clear(shipment)
    else:
        before = manifest.count(shipment)
    lifecycle.begin_packing(shipment, by=row.uploaded_by)
    writing.write(plan, shipment, dict(shipment.sites.values_list("label", "id")))
    after = manifest.count(shipment)
    for name in FIGURES:
        if getattr(after, name) != getattr(before, name) + getattr(plan.totals, name):
            raise TotalsDiffer(name)
    audit.record(
        "manifest imported",
        shipment,
        by=row.uploaded_by,
        at=at,
        upload=str(row.pk),
        packages=plan.totals.package_count,
        lines=plan.totals.line_count,
        items_created=len(plan.new_items),
    )


def _still_fits(row: Upload, shipment: Shipment, plan: planning.Plan, errors: Errors, *, at: datetime) -> Errors:
    """Check again under the lock: the shipment may have been sealed, packed or changed currency in the meantime."""
    context = ImportContext.of(shipment, replace=row.replace, by=row.uploaded_by, at=at)
    labels = {label.upper() for label in plan.values["destination_site"] if label}
    fits = context.first_number == min(plan.packages) and labels <= set(context.sites)
    if not fits or not shipment.may_be_packed or shipment.customs_currency != plan.currency:
        with translation.override(row.uploaded_by.language):
            detail = _("The manifest changed while the file was being read. Check it and send the file again.")
            errors.add(None, "", "manifest_changed", detail)
    if context.ssccs_in_use(plan.values["sscc"]):
        with translation.override(row.uploaded_by.language):
            detail = _("Another shipment got one of these SSCCs in the meantime. Check the file and send it again.")
            errors.add(None, "sscc", "sscc_in_use", detail)
    if catalogue.changed(plan.catalogue):
        with translation.override(row.uploaded_by.language):
            detail = _("The catalogue changed while the file was being read. Check it and send the file again.")
            errors.add(None, "", "catalogue_changed", detail)
    return errors
