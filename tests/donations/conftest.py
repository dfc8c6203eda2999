"""What tests of giving share."""

from tests.stand_in.fixtures import stand_in  # noqa: F401  a fixture
