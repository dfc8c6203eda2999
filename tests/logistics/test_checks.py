import pytest

from logistics.checks import check_field_keys


@pytest.mark.parametrize(("keys", "ids"), [([], ["logistics.W001"]), (["short"], ["logistics.W002"])])
def test_keys_that_seal_nothing_are_told_at_the_start(settings, keys, ids):
    settings.FIELD_KEYS = keys

    assert [message.id for message in check_field_keys(None)] == ids


def test_good_keys_pass():
    assert check_field_keys(None) == []
