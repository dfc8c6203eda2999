"""French dates: 28 novembre 2026, and 28 nov. 2026, 14:05. For input as Django reads French: 28/11/2026."""

SHORT_DATE_FORMAT = "j N Y"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "j N Y, H:i"
