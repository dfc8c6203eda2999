"""The test harness: whatever a test commits is gone for the next one."""

import pytest
from django.db import connection

from logistics.people.models import User
from tests.services import services


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_", ["first", "second"])
def test_committed_rows_are_gone_for_the_next_test(_: str):
    before = User.objects.count()

    User.objects.create_user("committed@example.org", name="Committed")

    assert before == 0


@pytest.mark.django_db
def test_the_database_is_the_one_of_this_run():
    assert connection.settings_dict["HOST"] == str(services().postgres.sockets)


def test_the_broker_requires_a_password():
    import redis

    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=services().valkey.port).ping()
