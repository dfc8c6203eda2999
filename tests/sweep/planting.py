"""The texts that are planted: the secret ones, and the leaks on purpose that the sweep must find first."""

from collections.abc import Iterator, Mapping

from tests.sweep.secret import Secret

# Each occurs nowhere else, so that one place found is one leak.
ADDRESS = {
    "name": "Foyer Kanuyaqorvex",
    "address": "Rue Sigidaxumbel 417, porte 93",
    "town": "Wolobuqizandra",
    "phone": "+223 66 41 09 53",
}
PASSWORD = "Marabu-gwenzaloq-71"
# The button of a driver's link is the one page that shows it.
SHOWN_TO_DRIVER = r"^page \w+ POST /d/[^/]+/$"

# Planted leaks: what they say, and how it is written where it is planted.
CONTROLS: Mapping[str, str] = {
    name: f"control{name}zuqabexilom"
    for name in ("field", "paper", "attachment", "mail", "redis", "web", "worker", "postgres", "sealed")
}


def in_hex(text: str) -> str:
    return text.encode().hex()


def all_escaped(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


def of_site() -> Iterator[Secret]:
    """Yield each field of the confidential site; no place that is swept may show it, but the page of a driver's link.

    The answer to a safety officer with a reason does, too, and the sweep sends no reason.
    """
    for name, text in ADDRESS.items():
        yield Secret(f"the site's {name}", text, (SHOWN_TO_DRIVER,))


def of_donor(token: str, name: str) -> Secret:
    """Return the secret link of a gift, which the donor gets by mail and sees on the pages it opens."""
    shown = (r"^mail", r"^(headers )?page donor ", r"^(headers )?api anonymous POST /api/v1/donations/")
    return Secret(name, token, shown)


def control(name: str, *places: str) -> Secret:
    return Secret(f"control: {name}", CONTROLS[name], places, is_control=True)
