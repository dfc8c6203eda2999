"""Answers are written by orjson, in the bytes of DRF's renderer."""

import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.functional import lazystr
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.renderers import JSONRenderer as DRFJSONRenderer

from config.rendering import JSONRenderer
from shipments.shipments.states import Status

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),  # above 64 bits as well
    st.text(),
    st.uuids(),
    st.dates(),
    st.datetimes(
        min_value=datetime(1980, 1, 1),  # noqa: DTZ001  offsets of earlier years had seconds
        timezones=st.sampled_from([UTC, ZoneInfo("UTC"), ZoneInfo("Asia/Hong_Kong"), timezone(timedelta(hours=-5))]),
    ),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(min_value=-1000, max_value=1000, places=2),
    st.sampled_from(Status),
    st.text().map(lazystr),
    st.sampled_from(["\u2028", "\u2029 \x7f", '\x00\x1f\b\f\n\r\t"\\/', "<é😀>"]),
)
answers = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.one_of(st.integers(), st.sampled_from(Status)), inner),
    ),
    max_leaves=20,
)


@given(answers)
def test_an_answer_has_the_same_bytes(answer):
    assert JSONRenderer().render(answer) == DRFJSONRenderer().render(answer)


@pytest.mark.parametrize(
    "answer",
    [
        {"results": (row for row in ("a", "b"))},
        {"results": iter(["a"]), "number": 2**70},
        {1: "a", "rows": map(str, [1, 2])},
    ],
    ids=["generator", "beside a large number", "beside a name that is no text"],
)
def test_what_can_be_read_once_is_not_lost(answer):
    written = json.loads(JSONRenderer().render(answer))

    assert next(value for value in written.values() if isinstance(value, list))


@pytest.mark.parametrize("accept", ["application/json; indent=2", "application/json; indent=0", "application/json"])
def test_an_indentation_that_the_client_asks_for_is_kept(accept):
    answer = {"a": [1, {"b": date(2026, 1, 2)}]}

    assert JSONRenderer().render(answer, accept) == DRFJSONRenderer().render(answer, accept)


def test_nothing_is_an_empty_body():
    assert JSONRenderer().render(None) == b""


@pytest.mark.parametrize("wrong", ["\ud800", time(1, tzinfo=UTC), object()])
def test_what_drf_refuses_is_refused(wrong):
    with pytest.raises((TypeError, ValueError)) as expected:
        DRFJSONRenderer().render([wrong])
    with pytest.raises(expected.type):
        JSONRenderer().render([wrong])


def test_times_and_ids_of_an_answer():
    answer = [
        datetime(2026, 3, 1, 12, tzinfo=UTC),
        datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=UTC),
        UUID(int=1),
        Decimal("1.50"),
    ]

    assert JSONRenderer().render(answer) == (
        b'["2026-03-01T12:00:00Z","2026-03-01T12:00:00.000005Z","00000000-0000-0000-0000-000000000001",1.5]'
    )
