from typing import Any


class Refused(Exception):
    """Replay cannot print this paper exactly, so plain WeasyPrint has to. The message says why."""

    document: Any = None  # the whole paper, if WeasyPrint has laid it out already
