"""The checks of schemathesis that are off, each with its reason."""

# By the name of the check. They are off for all operations.
EXCLUDED: dict[str, str] = {}
