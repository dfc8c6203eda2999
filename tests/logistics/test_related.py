"""Related rows of a list are read by their keys, in a statement of their own for each relation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from logistics.lists import page_of
from logistics.partners.models import Membership
from logistics.people.models import ApiKey, User
from logistics.related import fetched
from tests.makers.partners import make_key, make_partner, make_partner_user, make_site
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
Make = Callable[[], "QuerySet[Any]"]


@pytest.fixture(autouse=True)
def people() -> None:
    """Make users with and without a partner, and partners' users with and without a site and a key."""
    partner = make_partner()
    make_partner_user(partner)
    make_partner_user(partner, site=make_site(partner))
    make_key(make_partner())
    make_user()


def plain(row: Any) -> dict[str, Any] | None:
    """Return all columns of a row that were loaded."""
    return None if row is None else {name: value for name, value in vars(row).items() if not name.startswith("_")}


def test_related_rows_are_those_that_a_join_reads() -> None:
    def rows() -> "QuerySet[Membership]":
        return Membership.objects.select_related("user", "partner", "site__partner").order_by("pk")

    def told(row: Membership) -> list[Any]:
        return [*map(plain, (row, row.user, row.partner, row.site, row.site and row.site.partner))]

    joined = [told(row) for row in rows()]
    with CaptureQueriesContext(connection) as asked:
        apart = [told(row) for row in fetched(rows())]

    assert apart == joined
    assert [site is None for _row, _user, _partner, site, _same in apart].count(False) == 1
    assert len(asked) == 5 and not any("JOIN" in each["sql"] for each in asked)


def test_both_ends_of_a_one_to_one_relation_know_each_other() -> None:
    with CaptureQueriesContext(connection) as asked:
        users = fetched(User.objects.select_related("membership__partner").order_by("pk"))
        members = [user for user in users if hasattr(user, "membership")]
        assert all(user.membership.user is user and user.membership.partner.code for user in members)

    assert (len(members), len(asked)) == (3, 3)
    assert len(users) > len(members)  # the others have none, which took no statement either


@pytest.mark.parametrize(
    ("rows", "loaded", "not_loaded"),
    [
        (lambda: Membership.objects.only("user__name", "site__code"), {"id", "name"}, {"email", "password"}),
        (lambda: Membership.objects.defer("user__email"), {"id", "name", "password"}, {"email"}),
    ],
)
def test_columns_that_were_left_out_are_not_loaded(rows: Make, loaded: set[str], not_loaded: set[str]) -> None:
    for row in fetched(rows().select_related("user", "site")):
        columns = set(vars(row.user))
        assert loaded <= columns and not not_loaded & columns


def test_a_page_has_as_many_statements_whatever_its_size() -> None:
    def statements(size: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            page = page_of(ApiKey.objects.select_related("user__membership", "created_by"), ("-id",), None, size)
            assert all(key.user.name for key in page.rows)
        return len(asked)

    for _ in range(3):
        make_key(make_partner())

    assert statements(1) == statements(4)


def test_rows_without_related_ones_take_one_statement() -> None:
    with CaptureQueriesContext(connection) as asked:
        assert fetched(Membership.objects.select_related("user").none()) == []
        assert fetched(Membership.objects.values("pk")) == [*Membership.objects.values("pk")]

    assert len(asked) == 2
