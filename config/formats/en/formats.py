"""English date input. 01/11/2026 is 11 January to Django and 1 November in Hong Kong, so it is refused."""

DATE_INPUT_FORMATS = ["%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y"]
