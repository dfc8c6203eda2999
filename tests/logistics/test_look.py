"""How public pages look: the charity's colours and logo, also on pages about errors, also without the database."""

import re
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory

from config import errors
from logistics.charity import look
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import Invalid
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.pictures import make_picture

FIELDS = (
    *("name", "name_local", "address", "country", "registration", "jurisdiction", "time_zone", "email", "phone"),
    *("website", "signatory", "signatory_title", "currencies"),
)


def change(**changes: Any) -> Charity:
    charity = Charity.objects.get()
    values: Any = {name: getattr(charity, name) for name in FIELDS} | changes
    return charities.set_up(values=values, version=charity.version, by=None, at=NOON)


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/verify/nothing/", "/nowhere/", "/give/?x=%00", "/unsubscribe/nothing/"])
def test_every_public_page_has_the_charity_s_name_logo_and_colours_and_a_way_home(path: str) -> None:
    make_charity()
    logo = make_picture(media_type="image/png", width=300, height=100)
    change(colour="#5b1f7a", accent="#ffd400", logo=logo)
    html = Client().get(path, headers={"accept": "text/html"}).content.decode()

    header = html[html.index("<header") : html.index("</header>")]
    assert f'src="{logo.path}" width="120" height="40"' in header
    assert "Harbour Relief" in header and 'href="/"' in header
    assert "Home page of Harbour Relief" in html
    sheet = re.search(r'href="(/look\.css\?v=\d+)"', html)
    assert sheet
    answer = Client().get(sheet[1])
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer["Cache-Control"].startswith("public")
    assert answer.content.decode() == ":root{--sea:#5b1f7a;--sea-deep:#3e1554;--sun:#ffd400;--on-sun:#1c1006}"


@pytest.mark.django_db
def test_donors_pages_have_the_same_colours() -> None:
    make_charity()
    change(colour="#5b1f7a", accent="#123456")

    html = Client().get("/give/").content.decode()

    assert "--sea:#5b1f7a" in html
    assert "--on-sun:#ffffff" in html  # white text on a dark button


@pytest.mark.django_db
def test_a_page_about_a_fault_of_ours_does_not_need_the_database(django_assert_num_queries: Any) -> None:
    make_charity()
    look.current()
    request = RequestFactory().get("/give/", headers={"accept": "text/html"})

    with django_assert_num_queries(0):
        html = errors.server_error(request).content.decode()

    assert "Harbour Relief" in html


def test_while_the_database_does_not_answer_the_last_look_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: Any, **__: Any) -> Any:
        raise OperationalError("down")

    monkeypatch.setattr(Charity.objects, "select_related", down)

    assert look.current() == look.remembered()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"colour": "red"}, "colour", "not_a_colour"),
        ({"accent": "#FFF"}, "accent", "not_a_colour"),
        ({"colour": "#ffcc00"}, "colour", "colour_too_light"),
    ],
)
def test_a_colour_that_cannot_be_read_is_refused(changes: Any, field: str, code: str) -> None:
    make_charity()
    with pytest.raises(Invalid) as refused:
        change(**changes)

    errors: Any = refused.value.details["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [(field, code)]


@pytest.mark.django_db
def test_a_logo_that_is_replaced_is_deleted_and_left_out_it_stays() -> None:
    make_charity()
    first, second = make_picture(), make_picture(sha256="1" * 64)
    change(logo=first)
    change(colour="#5b1f7a")
    assert Charity.objects.get().logo == first

    change(logo=second)

    assert list(type(first).objects.all()) == [second]


def test_contrast_is_that_of_wcag() -> None:
    assert round(look.contrast("#000000", "#ffffff"), 2) == 21
    assert round(look.contrast("#777777", "#ffffff"), 2) == 4.48
    assert look.contrast(look.Look().colour, "#ffffff") >= look.CONTRAST_MIN
