import pytest
from django.db import connections

from logistics.checks import (
    check_database_role,
    check_field_keys,
    check_paper_limits,
    check_sealed_database,
    check_sealed_role,
)
from tests.rights import as_superuser


@pytest.mark.parametrize(("keys", "ids"), [([], ["logistics.W001"]), (["short"], ["logistics.W002"])])
def test_invalid_encryption_keys_are_reported_at_startup(settings, keys, ids):
    settings.FIELD_KEYS = keys

    assert [message.id for message in check_field_keys(None)] == ids


def test_good_keys_pass():
    assert check_field_keys(None) == []


@pytest.mark.parametrize(("seconds", "ids"), [(99, []), (100, ["logistics.E001"])])
def test_paper_limits_that_outlast_their_task_are_reported(settings, seconds, ids):
    settings.PAPER_WALL_SECONDS = seconds

    assert [message.id for message in check_paper_limits(None)] == ids


def test_a_sealed_connection_to_another_database_is_refused(monkeypatch):
    same = check_sealed_database(None)
    monkeypatch.setitem(connections["sealed"].settings_dict, "NAME", "drill")

    other = check_sealed_database(None)

    assert (same, [message.id for message in other]) == ([], ["logistics.E002"])


@pytest.mark.django_db
def test_a_database_role_that_may_do_everything_is_reported():
    as_application = check_database_role(None)
    with as_superuser():
        as_owner = check_database_role(None)

    assert ([message.id for message in as_application], [message.id for message in as_owner]) == (
        [],
        ["logistics.W003"],
    )


@pytest.mark.django_db
def test_too_much_and_too_little_access_to_sealed_addresses_is_reported():
    right, vault = check_sealed_role(None), connections["sealed"]
    with as_superuser():
        too_much = check_sealed_role(None)
    connections["sealed"] = connections["default"]
    try:
        too_little = check_sealed_role(None)
    finally:
        connections["sealed"] = vault

    found = [[message.id for message in messages] for messages in (right, too_much, too_little)]
    assert found == [[], ["logistics.W005"], ["logistics.W006"]]
