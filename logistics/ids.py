import uuid

import uuid_utils


def uuid7() -> uuid.UUID:
    """Return an id that means nothing and sorts by the time it was made (RFC 9562, version 7)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def as_ids(text: object) -> list[uuid.UUID]:
    """Read an id out of an address; empty for what is no id, which then names no row."""
    try:
        return [uuid.UUID(str(text))]
    except ValueError:
        return []
