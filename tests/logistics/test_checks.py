import pytest

from logistics.checks import check_field_keys, check_paper_limits


@pytest.mark.parametrize(("keys", "ids"), [([], ["logistics.W001"]), (["short"], ["logistics.W002"])])
def test_keys_that_seal_nothing_are_told_at_the_start(settings, keys, ids):
    settings.FIELD_KEYS = keys

    assert [message.id for message in check_field_keys(None)] == ids


def test_good_keys_pass():
    assert check_field_keys(None) == []


@pytest.mark.parametrize(("seconds", "ids"), [(99, []), (100, ["logistics.E001"])])
def test_papers_are_given_up_before_their_tasks(settings, seconds, ids):
    settings.PAPER_WALL_SECONDS = seconds

    assert [message.id for message in check_paper_limits(None)] == ids
