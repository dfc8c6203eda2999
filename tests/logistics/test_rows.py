"""Rows that are read quickly are the rows that Django reads."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.db import connection, models
from django.db.models import Value
from django.db.models.signals import post_init
from django.test.utils import CaptureQueriesContext
from rest_framework import serializers

from logistics.outputs import Output
from logistics.partners.models import Membership
from logistics.people.models import ApiKey, User
from logistics.rows import Prepared, fast, reads
from tests.makers.partners import make_key, make_partner, make_partner_user, make_site
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db


def told(instance: models.Model) -> dict[str, object]:
    """Return all that an instance holds, its related ones and its state included."""
    inside = {name: value for name, value in vars(instance).items() if not name.startswith("_")}
    related = {
        name: None if one is None else (type(one), one.pk, one._state.adding, one._state.db, one.get_deferred_fields())
        for name, one in instance._state.fields_cache.items()
    }
    return {**inside, "?": (type(instance), instance._state.adding, instance._state.db, related)}


@pytest.mark.parametrize(
    "rows",
    [
        User.objects.all,
        lambda: User.objects.only("email", "roles"),
        lambda: User.objects.select_related("membership__partner", "membership__site"),
        lambda: Membership.objects.select_related("user", "partner", "site").only(
            "user__name", "partner__code", "site__code", "user", "partner", "site"
        ),
        lambda: Membership.objects.annotate(one=Value(1)).select_related("site").defer("partner"),
        lambda: ApiKey.objects.select_related("user__membership", "created_by").annotate(one=Value(1)),
        Session.objects.all,
    ],
)
def test_fast_rows_are_those_of_django(rows):
    partner = make_partner()
    make_partner_user(partner)
    make_key(make_partner())
    make_partner_user(partner, site=make_site(partner))
    make_user()

    assert [told(one) for one in fast(rows().order_by("pk"))] == [told(one) for one in rows().order_by("pk")]


def test_a_fast_row_joins_both_ends_of_a_relation():
    make_partner_user()

    with CaptureQueriesContext(connection) as asked:
        (user,) = fast(User.objects.select_related("membership__partner").exclude(membership=None))
        assert user.membership.user is user
        assert user.membership.partner.code

    assert len(asked) == 1


def test_a_column_that_was_left_out_is_read_when_it_is_needed():
    made = make_user()

    assert fast(User.objects.only("name")).get(pk=made.pk).email == made.email


def test_a_fast_row_can_be_changed():
    made = fast(User.objects.all()).get(pk=make_user().pk)
    made.name = "Awa"
    made.save(update_fields=["name"])

    assert User.objects.get(pk=made.pk).name == "Awa"


def test_a_model_with_a_receiver_is_left_to_django():
    made, seen = make_user(), []

    def receive(instance, **_) -> None:
        seen.append(instance.pk)

    post_init.connect(receive, sender=User)
    try:
        assert list(fast(User.objects.filter(pk=made.pk))) == [made]
    finally:
        post_init.disconnect(receive, sender=User)

    assert seen == [made.pk]


def test_rows_of_a_related_manager_know_where_they_came_from():
    partner = make_partner()
    make_site(partner)

    (site,) = fast(partner.sites.all())

    assert site.partner is partner


def test_a_prepared_query_is_compiled_once():
    built = []

    def build(name: object) -> "models.QuerySet[User]":
        built.append(name)
        return User.objects.filter(name=name)

    query = Prepared(build, "a name")
    awa, lee = make_user(name="Awa"), make_user(name="Lee")

    assert [query.first(name) for name in ("Awa", "Lee", "nobody", "' OR true --")] == [awa, lee, None, None]
    times = len(built)
    query.first("Awa")
    assert (len(built), set(built)) == (times, {"a name"})


def test_each_value_takes_its_own_place():
    made = make_user(name="Awa")
    query = Prepared(
        lambda name, pk, at: User.objects.filter(created_at__gt=at, pk=pk, name=name),
        "a name",
        UUID(int=1),
        datetime.min.replace(tzinfo=UTC),
    )

    assert query.first("Awa", made.pk, datetime(2000, 1, 1, tzinfo=UTC)) == made
    assert query.first("Awa", made.pk, datetime(2100, 1, 1, tzinfo=UTC)) is None


def test_a_sample_that_does_not_arrive_in_the_statement_is_a_mistake():
    query = Prepared(lambda name, other: User.objects.filter(name=name), "a name", "another")

    with pytest.raises(ValueError, match="does not occur"):
        query.first("Awa", "x")


class ReaderOut(Output[User]):
    name = serializers.CharField()


class MemberOut(Output[Membership]):
    number = serializers.IntegerField(source="id")
    user = ReaderOut()
    site = serializers.CharField(source="site.code", allow_null=True)
    shown = serializers.CharField()

    @reads("partner__code", "user__name")
    def shown_of(self, row: Membership) -> str:
        return f"{row.user.name} of {row.partner.code}"


class SilentOut(MemberOut):
    def shown_of(self, row: Membership) -> str:
        return ""


def test_a_list_loads_what_its_declaration_reads():
    partner = make_partner()
    for site in (None, make_site(partner)):
        make_partner_user(partner, site=site)

    with CaptureQueriesContext(connection) as asked:
        members: Any = fast(MemberOut.reading(Membership.objects.order_by("pk")))
        shown = MemberOut(members, many=True).data

    assert len(asked) == 1
    assert "email" not in asked[0]["sql"]
    assert [list(row) for row in shown] == [["number", "user", "site", "shown"]] * 2
    assert [(row["site"] is None, row["shown"].endswith(partner.code)) for row in shown] == [
        (True, True),
        (False, True),
    ]


def test_a_method_that_does_not_say_what_it_reads_is_a_mistake():
    with pytest.raises(TypeError, match="which columns it reads"):
        SilentOut.reading(Membership.objects.all())
