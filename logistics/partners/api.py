from datetime import timedelta
from typing import cast
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from logistics import rights
from logistics.errors import Invalid, may_raise
from logistics.idempotency.api import idempotent
from logistics.inputs import BooleanFilter, Filters
from logistics.partners import addresses, refusals, scope, services
from logistics.partners.models import Contact, Partner, Site, SiteAddress, foreign_site
from logistics.partners.serializers import (
    AddressSerializer,
    AllowedTextIn,
    ContactSerializer,
    IssuedKeyOut,
    KeyOut,
    Me,
    MeOut,
    NewKeyIn,
    PartnerSerializer,
    RevealIn,
    SiteSerializer,
)
from logistics.people import services as people
from logistics.people.models import ApiKey
from logistics.people.recent import SignInAgain, proved_at, require_recent_sign_in
from logistics.permissions import actor, allow, may
from logistics.roles import Role
from logistics.transactions import NoFreeCode
from logistics.versions import expected_version, needs_version, with_etag
from logistics.views import StrictView, without_body


class MeView(StrictView):
    permission_classes = (allow(*Role),)

    @extend_schema(
        summary="Show who you are",
        responses=MeOut,
        examples=[
            OpenApiExample(
                "a partner's program",
                {
                    "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a001",
                    "name": "AMAR-ML: coordinator's phone",
                    "email": "key-019a1f3c@keys.invalid",
                    "roles": ["partner"],
                    "language": "fr",
                    "partner": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a002",
                    "site": None,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Return the user of this key or session, the partner that the user acts for, and the site it is bound to."""
        user = actor(request)
        return Response(MeOut(Me(user, scope.membership_of(user))).data)


class PartnerFilter(Filters):
    class Meta:
        model = Partner
        fields = ("status", "country", "code")


@extend_schema_view(
    list=extend_schema(
        summary="List partners", description="Staff see all partners; a partner's key sees only its own."
    ),
    retrieve=extend_schema(summary="Show a partner"),
)
class PartnerViewSet(StrictView, ReadOnlyModelViewSet[Partner]):
    queryset = Partner.objects.all()
    serializer_class = PartnerSerializer
    permission_classes = (may(rights.PARTNERS),)
    filterset_class = PartnerFilter
    search_fields = ("code", "name")
    ordering_fields = ("id", "code", "name")

    def get_queryset(self) -> QuerySet[Partner]:
        return services.visible_to(actor(self.request))

    def retrieve(self, request: Request, pk: str) -> Response:
        partner = self.get_object()
        return with_etag(Response(self.get_serializer(partner).data), partner)

    @extend_schema(summary="Add a partner", responses={201: PartnerSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Add an organisation that receives what we send. Its `code` is printed on papers and must not name a place."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        partner = services.create(fields=body.validated_data, by=actor(request), at=timezone.now())
        return with_etag(Response(self.get_serializer(partner).data, status=201), partner)

    @extend_schema(summary="Change a partner")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a partner. One that becomes `ended` loses its API keys at once."""
        partner = self.get_object()
        body = self.get_serializer(partner, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        partner = services.update(
            partner, body.validated_data, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(Response(self.get_serializer(partner).data), partner)

    @extend_schema(summary="Allow a refused text", request=AllowedTextIn, responses={204: None})
    @action(detail=True, methods=["post"], url_path="allowed-texts", permission_classes=[may(rights.REFUSED_TEXT)])
    @idempotent
    def allow_text(self, request: Request, pk: str) -> Response:
        """Allow one text for this partner that was refused because it resembles a sealed address.

        It may then be entered in any field. The text is stored encrypted; you and the reason are in the audit trail.
        """
        body = AllowedTextIn(data=request.data)
        body.is_valid(raise_exception=True)
        refusals.allow_text(self.get_object(), **body.validated_data, by=actor(request), at=timezone.now())
        return Response(status=204)


class ContactFilter(Filters):
    class Meta:
        model = Contact
        fields = ("partner", "is_notified")


@extend_schema_view(
    list=extend_schema(
        summary="List contacts",
        description=(
            "People at partners who are notified of what is sent. They are the partner's, not of one site: a key that"
            " is bound to a site sees none."
        ),
    ),
    retrieve=extend_schema(summary="Show a contact"),
)
class ContactViewSet(StrictView, ReadOnlyModelViewSet[Contact]):
    queryset = Contact.objects.select_related("partner")
    serializer_class = ContactSerializer
    # Personal data: finance does not need it.
    permission_classes = (may(rights.CONTACT),)
    filterset_class = ContactFilter
    search_fields = ("name", "email")
    ordering_fields = ("id", "name")

    def get_queryset(self) -> QuerySet[Contact]:
        contacts = super().get_queryset()
        return scope.visible(contacts, actor(self.request), partner="partner", goes_to=scope.whole_partner)

    def retrieve(self, request: Request, pk: str) -> Response:
        contact = self.get_object()
        return with_etag(Response(self.get_serializer(contact).data), contact)

    @extend_schema(summary="Add a contact", responses={201: ContactSerializer})
    @idempotent
    def create(self, request: Request) -> Response:
        """Add a person at a partner; `is_notified` says whether this contact gets mails about shipments."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = body.validated_data
        contact = services.add_contact(fields.pop("partner"), fields=fields, by=actor(request), at=timezone.now())
        return with_etag(Response(self.get_serializer(contact).data, status=201), contact)

    @extend_schema(summary="Change a contact")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change a contact. Its partner cannot change: `partner` is ignored."""
        contact = self.get_object()
        body = self.get_serializer(contact, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changes = body.validated_data
        changes.pop("partner", None)
        contact = services.update_contact(
            contact, changes, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(Response(self.get_serializer(contact).data), contact)

    @extend_schema(summary="Erase a contact")
    def destroy(self, request: Request, pk: str) -> Response:
        """Erase a person: only the row's id stays, in the audit trail."""
        services.remove_contact(self.get_object(), by=actor(request), at=timezone.now())
        return Response(status=204)


class SiteFilter(Filters):
    class Meta:
        model = Site
        fields = ("partner", "code", "kind", "region")


@extend_schema_view(
    list=extend_schema(
        summary="List sites",
        description="Where goods are used: code, region, hand-over point. Confidential addresses are never shown."
        " A key that is bound to a site sees that site only.",
    ),
    retrieve=extend_schema(summary="Show a site"),
)
class SiteViewSet(StrictView, ReadOnlyModelViewSet[Site]):
    queryset = Site.objects.select_related("partner").annotate(
        has_address=Exists(SiteAddress.objects.filter(site=OuterRef("pk")))
    )
    serializer_class = SiteSerializer
    permission_classes = (may(rights.SITE),)
    filterset_class = SiteFilter
    search_fields = ("code", "public_name", "hand_over_point")
    ordering_fields = ("id", "code")

    def get_queryset(self) -> QuerySet[Site]:
        sites = super().get_queryset()
        return scope.visible(sites, actor(self.request), partner="partner", goes_to=lambda site_id: Q(pk=site_id))

    def retrieve(self, request: Request, pk: str) -> Response:
        site = self.get_object()
        return with_etag(Response(self.get_serializer(site).data), site)

    @extend_schema(summary="Add a site", responses={201: SiteSerializer})
    @may_raise(NoFreeCode)
    @idempotent
    def create(self, request: Request) -> Response:
        """Add a place where a partner uses goods. It gets a random `code`, the only name that papers print."""
        body = self.get_serializer(data=request.data)
        body.is_valid(raise_exception=True)
        fields = body.validated_data
        site = services.add_site(fields.pop("partner"), fields=fields, by=actor(request), at=timezone.now())
        return with_etag(self._shown(site, status=201), site)

    @extend_schema(summary="Change a site")
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the public fields of a site. Its partner cannot change: `partner` is ignored."""
        site = self.get_object()
        body = self.get_serializer(site, data=request.data, partial=True)
        body.is_valid(raise_exception=True)
        changes = body.validated_data
        changes.pop("partner", None)
        site = services.update_site(
            site, changes, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(self._shown(site), site)

    def _shown(self, site: Site, status: int = 200) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(pk=site.pk)).data, status=status)

    @extend_schema(summary="Seal a site's address", request=AddressSerializer, responses={204: None})
    @action(detail=True, methods=["put"], url_path="address", permission_classes=[may(rights.ADDRESS)])
    @needs_version
    def address(self, request: Request, pk: str) -> Response:
        """Store the site's address, encrypted. It can be read back only by `reveal`.

        Needs the site's version that you read, as `If-Match` or `version`; the answer's ETag is the new version.
        """
        body = AddressSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        address = cast(addresses.Address, dict(body.validated_data))
        site = addresses.seal(
            self.get_object(), address, version=expected_version(request), by=actor(request), at=timezone.now()
        )
        return with_etag(Response(status=204), site)

    @extend_schema(summary="Read a site's address", request=RevealIn, responses=AddressSerializer)
    @action(
        detail=True, methods=["post"], url_path="address/reveal", permission_classes=[may(rights.ADDRESS, "reveal")]
    )
    @may_raise(addresses.NoAddress, SignInAgain)
    def reveal(self, request: Request, pk: str) -> Response:
        """Read the site's address, as a safety officer.

        Your name, the time and the reason are recorded, and the partner's administrators are notified, before the
        address is decrypted. Sessions only, with a recent sign-in; never with an API key. Takes no Idempotency-Key:
        each reading is a separate event, and the answer is not stored.
        """
        body = RevealIn(data=request.data)
        body.is_valid(raise_exception=True)
        site, by, at = self.get_object(), actor(request), timezone.now()
        proved = proved_at(request)
        found = addresses.reveal(site, reason=body.validated_data["reason"], proved_at=proved, by=by, at=at)
        return Response(AddressSerializer(found).data)


class KeyFilter(Filters):
    is_live = BooleanFilter(label="Valid now: neither revoked nor expired", method="filter_live")

    class Meta:
        model = ApiKey
        fields = ("name",)

    def filter_live(self, keys: QuerySet[ApiKey], name: str, wanted: bool) -> QuerySet[ApiKey]:
        live = Q(revoked_at=None, expires_at__gt=timezone.now())
        return keys.filter(live if wanted else ~live)


@extend_schema_view(
    list=extend_schema(
        summary="List a partner's keys",
        description="Keys of the partner's programs, including revoked and expired ones, with last use.",
    ),
    retrieve=extend_schema(summary="Show a partner's key"),
)
@extend_schema(parameters=[OpenApiParameter("partner_pk", UUID, OpenApiParameter.PATH, description="The partner.")])
class PartnerKeyViewSet(StrictView, ReadOnlyModelViewSet[ApiKey]):
    queryset = ApiKey.objects.none()
    serializer_class = KeyOut
    permission_classes = (may(rights.KEY),)
    filterset_class = KeyFilter
    search_fields = ("name", "prefix")
    ordering_fields = ("id", "name", "expires_at")

    def _partner(self) -> Partner:
        return get_object_or_404(services.visible_to(actor(self.request)), pk=self.kwargs["partner_pk"])

    def get_queryset(self) -> QuerySet[ApiKey]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return services.keys_of(self._partner()).select_related("user__membership__site")

    @extend_schema(summary="Issue a key", request=NewKeyIn, responses={201: IssuedKeyOut})
    @may_raise(NoFreeCode, SignInAgain)
    @idempotent(shown_once=("key",))
    def create(self, request: Request, partner_pk: str) -> Response:
        """Issue a key for a partner's program. It sees only this partner's rows; with `site`, only those of the site.

        `key` is shown in this answer only: a repeat with the same Idempotency-Key creates no second key and shows
        null. Lost it? Revoke it and issue another. A program may have two valid keys, for replacing one.
        """
        require_recent_sign_in(request)
        body = NewKeyIn(data=request.data)
        body.is_valid(raise_exception=True)
        valid = timedelta(days=body.validated_data["valid_days"])
        name, code = body.validated_data["name"], body.validated_data.get("site")
        partner = self._partner()
        made = services.issue_key(
            partner, name=name, valid=valid, site=_site(partner, code), by=actor(request), at=timezone.now()
        )
        return Response(KeyOut(made.row).data | {"key": made.text}, status=201)

    @extend_schema(summary="Revoke a key", responses=KeyOut)
    @action(detail=True, methods=["post"])
    @idempotent
    @without_body
    def revoke(self, request: Request, partner_pk: str, pk: str) -> Response:
        """Revoke a key with immediate effect. Revoking twice changes nothing."""
        key = people.revoke_key(self.get_object(), by=actor(request), at=timezone.now())
        return Response(KeyOut(key).data)


def _site(partner: Partner, code: str | None) -> Site | None:
    """Return the partner's site of this code. Raises Invalid alike for another partner's and for none."""
    if not code:
        return None
    site = partner.sites.filter(code=code).first()
    if site is None:
        raise Invalid(foreign_site(), field="site", code="foreign_site")
    return site
