"""Fixtures shared by the donations tests."""

from tests.donations.fixtures import committed_giving, giving, limited  # noqa: F401  fixtures
from tests.stand_in.fixtures import stand_in  # noqa: F401  a fixture
