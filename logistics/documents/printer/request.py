from collections.abc import Mapping
from typing import TypedDict


class Request(TypedDict):
    """A request to print a paper; `about` is added to the printer's log lines."""

    template: str
    context: Mapping[str, object]
    languages: list[str]
    about: dict[str, str]
