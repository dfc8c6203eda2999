"""Demonstration data for shipments: the packing list of one container to Mali, packed, sealed and dispatched."""

import csv
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from django.db import transaction

from logistics.demonstration import world
from logistics.money import amounts as money
from logistics.people.models import User
from shipments.imports import services as imports
from shipments.imports.models import Upload
from shipments.shipments import lifecycle, services
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status

DATA = Path(__file__).parent / "data"
REFERENCE = "CGD-ML-26-001"
DRAFT = "School supplies for Mali: second container"


def demonstrate(at: datetime) -> None:
    """Create a shipment that the partner can confirm, and a draft for importing a spreadsheet. Safe to run again."""
    made = world.demonstrate(at)
    packer, checker = made.staff["warehouse"], made.staff["coordinator"]
    # Step by step, so that an interrupted run continues where it stopped.
    shipment = Shipment.objects.filter(reference=REFERENCE, consignee=made.partner).first()
    shipment = shipment or _open(made, by=packer, at=at)
    if shipment.status == Status.DRAFT:
        shipment = _import(shipment, by=packer, at=at)
    if shipment.status == Status.PACKING:
        lifecycle.check(shipment, by=checker, at=at)
        shipment = lifecycle.seal(shipment, by=packer, at=at)
    if shipment.status == Status.SEALED:
        # The worker prints it in a moment; a set-up does not wait for it.
        lifecycle.dispatch(shipment, reason="The packing list is sent by email.", by=packer, at=at)
    if not Shipment.objects.filter(title=DRAFT, consignee=made.partner).exists():
        _open_draft(made, by=packer, at=at)


def _open_draft(made: world.World, *, by: User, at: datetime) -> Shipment:
    sites = _sites(made)
    return services.create(title=DRAFT, consignee=made.partner, customs_currency="HKD", sites=sites, by=by, at=at)


def _sites(made: world.World) -> list[services.LabelledSite]:
    return [services.LabelledSite(site, label) for label, site in made.sites.items()]


def _open(made: world.World, *, by: User, at: datetime) -> Shipment:
    with (DATA / "shipment.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    return services.create(
        title=row["title"],
        reference=row["reference"],
        consignee=made.partner,
        hand_over_point=world.HAND_OVER_POINTS["A"],
        incoterm=row["incoterm"],
        incoterm_place=row["incoterm_place"],
        port_of_loading=row["port_of_loading"],
        port_of_discharge=row["port_of_discharge"],
        place_of_delivery=row["place_of_delivery"],
        container_number=row["container_no"],
        container_type=row["container_iso_type"],
        container_tare_kg=Decimal(row["container_tare_kg"]),
        container_payload_kg=Decimal(row["container_max_payload_kg"]),
        seal_number=row["seal_no"],
        cargo_tracking_note=row["ectn_besc_no"],
        bill_of_lading=row["bill_of_lading_no"],
        packed_on=date.fromisoformat(row["packed_on"]),
        departs_on=date.fromisoformat(row["etd"]),
        reaches_port_on=date.fromisoformat(row["eta_port"]),
        arrives_on=date.fromisoformat(row["eta_final"]),
        customs_currency=row["customs_value_currency"],
        freight_minor=money.parse(row["freight_hkd"], "HKD"),
        freight_currency="HKD",
        sites=_sites(made),
        by=by,
        at=at,
    )


@transaction.atomic
def _import(shipment: Shipment, *, by: User, at: datetime) -> Shipment:
    """Import the spreadsheet synchronously: no worker sees the upload before this transaction commits."""
    content = (DATA / "packing_list.xlsx").read_bytes()
    upload = imports.upload(shipment, content, dry_run=False, replace=False, by=by, at=at)
    imports.read_upload(str(upload.pk), at=at)
    upload.refresh_from_db()
    if upload.outcome != Upload.Outcome.IMPORTED:
        raise RuntimeError(f"the demonstration spreadsheet was refused: {upload.errors[:3]}")
    shipment.refresh_from_db()
    return shipment
