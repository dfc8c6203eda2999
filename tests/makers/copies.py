"""Copy one row many times inside PostgreSQL: a thousand at once, a hundred thousand in seconds."""

from datetime import date, timedelta
from typing import Any

from django.db import connection, models

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.receipts import services as receipts
from donations.receipts.models import Receipt, ReceiptDelivery
from donations.refunds.models import Refund
from donations.stripe_events.models import StripeEvent
from logistics.audit.models import AuditEntry
from logistics.catalogue.models import Category, Item
from logistics.mail.models import Email
from logistics.partners.models import Contact, Partner, Site
from logistics.people.models import ApiKey
from shipments.deliveries.models import Delivery
from shipments.discrepancies.models import Discrepancy
from shipments.imports.models import Upload
from shipments.packing.models import ManifestLine, Package
from shipments.papers.models import Paper
from shipments.shipments.models import Shipment, ShipmentSite
from tests.makers.appeals import make_appeal
from tests.makers.catalogue import make_category
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched
from tests.rights import as_superuser

# The id of copy number g of any row, in order of g.
ID = "('01990000-0000-7000-8000-' || lpad(to_hex(g), 12, '0'))::uuid"


def copy(row: models.Model, first: int, last: int, **values: str) -> None:
    """Store copies number `first` to `last` of a row; `values` are SQL for what differs, in terms of the number g.

    Triggers and foreign keys are bypassed: the copies are for counting and measuring, not for changing.
    """
    model = type(row)
    names = [str(field.column) for field in model._meta.concrete_fields if not field.generated]
    chosen = {"id": ID} | values
    columns = ", ".join(chosen.get(name, f'r."{name}"') for name in names)
    table = model._meta.db_table
    with as_superuser() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica; SET LOCAL statement_timeout = '5min'")
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(connection.ops.quote_name, names))}) SELECT {columns}"
            f" FROM {table} r, generate_series(%s::int, %s::int) g WHERE r.id = %s",
            [first, last, row.pk],
        )


class Gifts:
    """A received gift with its receipt, and as many copies as needed."""

    def __init__(self) -> None:
        self.appeal: Appeal = make_appeal()
        self.donor = Donor.objects.create(name="Chan Tai Man", email="taiman@example.org", country="HK")
        self.donation = Donation.objects.create(
            donor=self.donor,
            appeal=self.appeal,
            amount_minor=50_050,
            currency="HKD",
            created_at=NOON,
            status=Donation.Status.RECEIVED,
            received_at=NOON,
            received_on=date(2026, 3, 2),
        )
        self.attempt = PaymentAttempt.objects.create(
            donation=self.donation,
            number=1,
            state=AttemptState.SUCCEEDED,
            amount_minor=50_050,
            currency="HKD",
            description="A gift",
            created_at=NOON,
            expires_at=NOON + timedelta(hours=1),
            session_id="cs_1",
            payment_intent_id="pi_1",
            succeeded_at=NOON,
            counts=True,
        )
        self.event = StripeEvent.objects.create(
            stripe_id="evt_1",
            kind="payment_intent.succeeded",
            object_type="payment_intent",
            object_id="pi_1",
            livemode=False,
            happened_at=NOON,
            received_at=NOON,
            source=StripeEvent.Source.WEBHOOK,
            attempt=self.attempt,
        )
        self.refund = Refund.objects.create(
            attempt=self.attempt, stripe_id="re_1", state="pending", amount_minor=100, currency="HKD", created_at=NOON
        )
        receipt = receipts.update(self.donation, at=NOON)
        assert receipt is not None
        self.receipt: Receipt = receipt
        self.mailing = ReceiptDelivery.objects.get(receipt=receipt)

    def grow(self, first: int, last: int) -> None:
        copy(self.appeal, first, last, slug="'appeal-' || g")
        copy(self.donor, first, last, email="'donor' || g || '@example.org'")
        copy(self.donation, first, last, reference="'GFT-' || g", donor_id=ID, appeal_id="r.appeal_id")
        ids = {"session_id": "'cs_' || g", "payment_intent_id": "'pi_' || g"}
        copy(self.attempt, first, last, donation_id=ID, **ids)
        copy(self.refund, first, last, stripe_id="'re_' || g", attempt_id=ID)
        copy(self.event, first, last, stripe_id="'evt_' || g", attempt_id=ID)
        copy(self.receipt.document, first, last, number="'HK-2026-' || g", token="'receipt' || g")
        own = {"donation_id": ID, "document_id": ID}
        copy(self.receipt, first, last, number="'HK-2026-' || g", sequence="g + 1", **own)
        copy(self.mailing, first, last, receipt_id=ID)


class Goods:
    """A dispatched and confirmed shipment with everything that belongs to it, and as many copies as needed."""

    def __init__(self, partner: Partner | None = None) -> None:
        self.partner: Partner = partner or make_partner()
        self.shipment: Shipment = make_dispatched(partner=self.partner)
        self.site: ShipmentSite = self.shipment.sites.get()
        self.paper: Paper = self.shipment.papers.get(kind="partner-packing-list")
        self.package: Package = self.shipment.packages.get()
        self.line: ManifestLine = self.package.lines.get()
        packer = make_packer()
        self.delivery = Delivery.objects.create(
            shipment=self.shipment,
            sequence=1,
            client_id=self.line.pk,
            body_sha256="0" * 64,
            stated_at=NOON,
            recorded_at=NOON,
            recorded_by=packer,
            source="api",
            default="good",
            received_by="Awa Diarra",
        )
        self.discrepancy = Discrepancy.objects.create(
            shipment=self.shipment,
            delivery=self.delivery,
            package=self.package,
            line=self.line,
            kind=Discrepancy.Kind.DAMAGE,
            quantity=1,
            opened_at=NOON,
        )
        self.upload = Upload.objects.create(
            shipment=self.shipment, uploaded_by=packer, uploaded_at=NOON, dry_run=True, sha256="0" * 64, size=1
        )
        self.key = make_key(self.partner)

    def grow(self, first: int, last: int, *, shipments: bool = True, lines: bool = True) -> None:
        """Add to the shipments, and to the rows of the one shipment."""
        if shipments:
            copy(self.shipment, first, last, number="'SHP-2025-' || lpad(g::text, 6, '0')")
            copy(self.site, first, last, shipment_id=ID)
        if lines:
            copy(self.package, first, last, number="r.number + g", token="'package' || g")
            copy(self.line, first, last, package_id=ID)

    def grow_papers(self, first: int, last: int) -> None:
        """Add to what is printed, confirmed and uploaded for the one shipment."""
        own = "('01990000-0000-7000-9000-' || lpad(to_hex(g), 12, '0'))::uuid"
        copy(self.paper.document, first, last, id=own, token="'paper' || g", version="g")
        copy(self.paper, first, last, document_id=own, version="g")
        copy(self.delivery, first, last, sequence="g + 1", client_id=ID)
        copy(self.discrepancy, first, last)
        copy(self.upload, first, last)


class Base:
    """A row of each remaining list of the base rooms, and as many copies as needed."""

    def __init__(self, partner: Partner) -> None:
        self.partner = partner
        self.email: Email = make_email()
        self.category: Category = make_category()
        self.site, self.contact, self.key, self.item = (one(model) for model in (Site, Contact, ApiKey, Item))
        # The end of the shipment's trail.
        self.entry = AuditEntry.objects.filter(subject_kind="shipments.shipment").latest("sequence")

    def grow(self, first: int, last: int) -> None:
        copy(self.partner, first, last, code="'Q' || g")
        copy(self.site, first, last, code="lpad(g::text, 5, '0')")
        copy(self.contact, first, last)
        copy(self.key, first, last, prefix="'k' || g")
        copy(self.category, first, last, name_en="'Copied category ' || g")
        copy(self.item, first, last, code="'COPY-' || g")
        copy(self.email, first, last)
        copy(self.entry, first, last, sequence="r.sequence + g")


def one(model: type[models.Model]) -> Any:
    row = model._default_manager.first()
    assert row is not None, model
    return row
