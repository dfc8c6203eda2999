class Refused(Exception):
    """Replay cannot print this paper exactly; plain WeasyPrint shall. The message says why."""
