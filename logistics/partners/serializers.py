"""Serializers of partners, contacts, sites and keys. They check shape only; rules are in services.py."""

from typing import NamedTuple

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from logistics import examples
from logistics.inputs import Input, KnownFields
from logistics.outputs import Output
from logistics.partners.addresses import REASON_MIN
from logistics.partners.models import Contact, Membership, Partner, Site
from logistics.people.models import ApiKey, User
from logistics.roles import Role

KEY_DAYS = 365


class Me(NamedTuple):
    """A user and for whom they act."""

    user: User
    membership: Membership | None


class MeOut(Output[Me]):
    id = serializers.UUIDField(source="user.id")
    name = serializers.CharField(source="user.name")
    email = serializers.EmailField(source="user.email")
    roles = serializers.ListField(source="user.roles", child=serializers.ChoiceField(choices=Role.choices))
    language = serializers.CharField(source="user.language")
    partner = serializers.UUIDField(
        source="membership.partner_id",
        allow_null=True,
        help_text="The partner that you act for: you see only its rows. Null for staff.",
    )
    site = serializers.UUIDField(
        source="membership.site_id",
        allow_null=True,
        help_text="The site that your key is bound to: you see only its rows. Null: it is not bound.",
    )


@extend_schema_serializer(examples=examples.PARTNER)
class PartnerSerializer(KnownFields, serializers.ModelSerializer[Partner]):
    languages = serializers.ListField(
        child=serializers.CharField(max_length=10),
        allow_empty=False,
        help_text="Languages of its papers, the main one first.",
    )
    country = serializers.CharField(min_length=2, max_length=2, help_text="ISO 3166-1 alpha-2, e.g. ML.")

    class Meta:
        model = Partner
        fields = (
            "id", "code", "name", "status", "languages", "country", "address", "tax_number", "version",
        )  # fmt: skip
        read_only_fields = ("id", "version")
        # The database checks uniqueness; services turn its error into a refusal.
        extra_kwargs = {"code": {"validators": Partner._meta.get_field("code").validators}}


@extend_schema_serializer(examples=examples.CONTACT)
class ContactSerializer(KnownFields, serializers.ModelSerializer[Contact]):
    class Meta:
        model = Contact
        fields = ("id", "partner", "name", "email", "phone", "language", "is_notified", "is_administrator", "version")
        read_only_fields = ("id", "version")


@extend_schema_serializer(examples=examples.SITE)
class SiteSerializer(KnownFields, serializers.ModelSerializer[Site]):
    region = serializers.RegexField(
        r"^([A-Z]{2}\d{2,6})?$", required=False, allow_blank=True, help_text="Admin-1 p-code of COD-AB, e.g. ML04."
    )
    has_address = serializers.BooleanField(
        read_only=True, help_text="Whether its encrypted address is stored. Reading it needs a reason, see `reveal`."
    )

    class Meta:
        model = Site
        fields = (
            "id", "partner", "code", "kind", "public_name", "region", "hand_over_point", "has_address", "version",
        )  # fmt: skip
        read_only_fields = ("id", "code", "version")


@extend_schema_serializer(examples=examples.ADDRESS)
class AddressSerializer(Input):
    name = serializers.CharField(max_length=200)
    address = serializers.CharField(max_length=500, allow_blank=True)
    town = serializers.CharField(max_length=100, allow_blank=True)
    phone = serializers.CharField(max_length=40, allow_blank=True)


@extend_schema_serializer(examples=examples.REASON)
class RevealIn(Input):
    reason = serializers.CharField(
        min_length=REASON_MIN,
        max_length=500,
        help_text="Why you need the address; recorded in the audit trail and mailed to the partner.",
    )


@extend_schema_serializer(examples=examples.ALLOWED_TEXT)
class AllowedTextIn(Input):
    text = serializers.CharField(max_length=1000, help_text="The whole text of the field, as it was refused.")
    reason = serializers.CharField(
        min_length=REASON_MIN, max_length=500, help_text="Why it is harmless; recorded in the audit trail."
    )


@extend_schema_serializer(examples=examples.KEY)
class KeyOut(Output[ApiKey], serializers.ModelSerializer[ApiKey]):
    site = serializers.CharField(
        source="user.membership.site.code",
        allow_null=True,
        help_text="Code of the site that the key is bound to. Null: it sees all sites of the partner.",
    )

    class Meta:
        model = ApiKey
        fields = ("id", "name", "site", "prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
        read_only_fields = fields


@extend_schema_serializer(examples=examples.NEW_KEY)
class NewKeyIn(Input):
    name = serializers.CharField(
        max_length=80, help_text="The program that uses it. A program may have two valid keys."
    )
    valid_days = serializers.IntegerField(min_value=1, max_value=KEY_DAYS, default=KEY_DAYS)
    site = serializers.CharField(
        max_length=8,
        required=False,
        allow_null=True,
        help_text="Code of the partner's site that the key is bound to; without it, the key sees all of them.",
    )


@extend_schema_serializer(examples=examples.ISSUED_KEY)
class IssuedKeyOut(serializers.ModelSerializer[ApiKey]):
    site = serializers.CharField(allow_null=True, help_text="Code of the site that the key is bound to.")
    key = serializers.CharField(allow_null=True, help_text="`prefix.secret`: shown only once; null in a replay.")

    class Meta:
        model = ApiKey
        fields = (*KeyOut.Meta.fields, "key")
        read_only_fields = fields
