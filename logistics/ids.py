import uuid

import uuid_utils


def uuid7() -> uuid.UUID:
    """Return an id without meaning that sorts by creation time (RFC 9562, version 7)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def as_ids(text: object) -> list[uuid.UUID]:
    """Parse an id from a URL; empty for anything else, so that it matches no row."""
    try:
        return [uuid.UUID(str(text))]
    except ValueError:
        return []
