import uuid

import uuid_utils


def uuid7() -> uuid.UUID:
    """Return an id that means nothing and sorts by the time it was made (RFC 9562, version 7)."""
    return uuid.UUID(int=uuid_utils.uuid7().int)
