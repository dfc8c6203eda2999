"""How the admin looks: settings of django-unfold."""

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

UNFOLD: dict[str, object] = {
    "SITE_TITLE": "Relief",
    "SITE_HEADER": "Relief",
    "SITE_SUBHEADER": _("Giving, goods, deliveries"),
    "SITE_SYMBOL": "volunteer_activism",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("pages/mark.svg")}],
    "STYLES": [lambda request: static("pages/admin.css")],
    "SCRIPTS": [lambda request: static("pages/admin.js")],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "config.dashboard.environment",
    "DASHBOARD_CALLBACK": "config.dashboard.dashboard",
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": "config.dashboard.navigation"},
    "ACCOUNT": {
        "navigation": [
            {"title": _("Change password"), "link": reverse_lazy("admin:password_change")},
            {"title": _("Second factor"), "link": reverse_lazy("admin:second_factor")},
        ],
    },
    "LOGIN": {"image": lambda request: static("pages/sign-in.svg")},
    "BORDER_RADIUS": "8px",
    "COLORS": {
        # Terracotta, as on the pages of donors and partners.
        "primary": {
            "50": "oklch(97.5% .012 42)",
            "100": "oklch(94.5% .028 42)",
            "200": "oklch(89% .055 42)",
            "300": "oklch(81% .09 42)",
            "400": "oklch(71% .13 42)",
            "500": "oklch(61% .145 42)",
            "600": "oklch(51% .135 40)",
            "700": "oklch(44% .12 39)",
            "800": "oklch(38% .1 38)",
            "900": "oklch(33% .08 38)",
            "950": "oklch(24% .06 38)",
        },
    },
}

# The style elements of the theme, which have no nonce. They change with its version and with COLORS and BORDER_RADIUS:
# tests/config/test_admin_policy.py finds one that is missing here.
STYLE_HASHES = [
    "'sha256-ZGErR2A3RXx/fDNmAr7ovTVQxhBNp8ErcKIHzT//rrU='",  # colours
    "'sha256-+MEQ/O07HiRf96s+FyiSQj7xKrHjGPZWCed2MyGUBF4='",  # lists without actions
    "'sha256-bsV5JivYxvGywDAZ22EZJKBFip65Ng9xoJVLbBg7bdo='",  # what htmx adds itself
]
