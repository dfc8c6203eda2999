"""The giving page in a browser: one gift however often the form is sent, the charity's look, appeals with pictures."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.browser.claims import submits
from tests.browser.giving import WORKS, gifts_of, pay, promise
from tests.browser.member import SignIn
from tests.browser.visitor import CHECKOUT, Visitor
from tests.processes import Instance, eventually

ALT = {"en": "A girl carries a chair into a dormitory.", "fr": "Une fille porte une chaise dans un dortoir."}


@submits("give-to", "gift-pay", CHECKOUT)
def test_going_back_and_giving_again_in_two_tabs_is_one_gift_whose_amount_can_change(
    donor: Visitor, product: Instance, email: str, words: dict[str, str]
) -> None:
    promise(donor, email, words, amount="300")
    donor.page.go_back()
    kept = {name: donor.page.locator(f"[name={name}]").input_value() for name in ("amount", "name", "email")}
    donor.press(words["continue"])
    donor.page.go_back()
    donor.fill(amount="450").press(words["continue"])
    tab = Visitor(donor.page.context.new_page(), product)
    promise(tab, email, words, amount="450")
    same_checkout = tab.page.url == donor.page.url
    donor.follow(words["leave"])
    faults = donor.faults()
    offered = donor.page.locator("[name=amount]").input_value()
    donor.fill(amount="600").press(words["continue"])
    pay(donor, WORKS)
    eventually(lambda: gifts_of(product, email)[0][2] == "received", what="the gift to be received")

    assert kept == {"amount": "300", "name": "Chan Tai Man", "email": email}
    assert same_checkout
    assert offered.replace(",", ".") == "450.00"
    assert gifts_of(product, email) == [("HKD", 60000, "received", "")]
    assert not faults, "\n".join(faults)


@submits("give-to", "gift-pay")
def test_an_unclear_amount_is_asked_as_two_choices_and_another_error_keeps_the_answer(
    donor: Visitor, product: Instance, email: str, words: dict[str, str]
) -> None:
    donor.open("/give/most-needed/").fill(amount="10.000", name="Chan Tai Man", email="nobody")
    with donor.refused(422):
        donor.press(words["continue"])
        choices = donor.page.locator("[name=meant]")
        values = [choices.nth(index).get_attribute("value") for index in range(choices.count())]
        faults = donor.faults()
        donor.press(choices.first)
        kept = donor.page.locator("[name=amount]").input_value()
        focused = donor.page.evaluate("document.activeElement.name")
    donor.fill(email=email).press(words["continue"])
    donor.follow(words["leave"])
    with donor.refused(422):
        donor.fill(amount="20.000").submit(donor.page.locator("[name=amount]"))
        donor.submit(donor.page.locator("[name=amount]"))  # the Enter key answers nothing
        asked_again = donor.page.locator("[name=meant]").count()
        faults += donor.faults()
    donor.press(donor.page.locator("[name=meant]").first)

    assert values == ["10000.00", "10.00"]
    assert asked_again == 2
    assert "".join(filter(str.isdigit, kept)) == "1000000"
    assert focused == "email"
    assert "/c/pay/" in donor.page.url
    assert gifts_of(product, email) == [("HKD", 2000000, "pending", "")]
    assert not faults, "\n".join(faults)


@submits("give-to", "gift-pay", CHECKOUT)
def test_no_script_is_needed_to_give(
    visit: Callable[..., Visitor], product: Instance, email: str, words: dict[str, str], language: str
) -> None:
    donor = visit(locale=language, java_script_enabled=False)
    promise(donor, email, words, to="mali", amount="300")
    donor.follow(words["leave"])
    donor.fill(amount="350").press(words["continue"])
    pay(donor, WORKS)

    eventually(lambda: gifts_of(product, email)[0][1:3] == (35000, "received"), what="the gift to be received")
    assert len(gifts_of(product, email)) == 1


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """Return a photo, a logo and a file that is no picture."""
    Image.new("RGB", (1600, 900), (150, 110, 60)).save(tmp_path / "photo.jpg", "JPEG")
    Image.new("RGBA", (300, 100), (200, 30, 30, 255)).save(tmp_path / "logo.png", "PNG")
    (tmp_path / "letter.jpg").write_bytes(b"%PDF-1.7 a letter")
    return {name: tmp_path / name for name in ("photo.jpg", "logo.png", "letter.jpg")}


@pytest.fixture
def look_kept(product: Instance) -> Iterator[None]:
    """Restore the charity's look and the appeal's picture, for the other tests."""
    yield
    product.rows("UPDATE logistics_charity SET colour = '#0b5c6b', accent = '#e07a2f', logo_id = NULL RETURNING 1")
    product.rows("UPDATE donations_appeal SET picture_id = NULL, picture_alt_en = '', picture_alt_fr = '' RETURNING 1")


@submits("admin:donations_appeal_change")
@pytest.mark.usefixtures("look_kept")
def test_staff_upload_a_picture_which_comes_before_the_form(  # noqa: PLR0917  # fixtures
    staff: SignIn, donor: Visitor, product: Instance, files: dict[str, Path], language: str, width: str
) -> None:
    [(appeal,)] = product.rows("SELECT id FROM donations_appeal WHERE slug = 'mali'")
    finance = staff("finance").open(f"/admin/donations/appeal/{appeal}/change/")
    finance.page.locator("[name=picture_file]").set_input_files(files["letter.jpg"])
    finance.press("Save")
    refused = finance.text()
    finance.page.locator("[name=picture_file]").set_input_files(files["photo.jpg"])
    finance.press("Save")
    undescribed = finance.text()
    finance.page.locator("[name=picture_file]").set_input_files(files["photo.jpg"])
    finance.fill(picture_alt_en=ALT["en"], picture_alt_fr=ALT["fr"])
    finance.press("Save")
    donor.open("/give/mali/")
    picture = donor.page.get_by_role("img", name=ALT[language])
    loaded = picture.evaluate("image => image.complete && image.naturalWidth")
    boxes = [donor.page.locator(found).first.bounding_box() for found in ("img.picture", ".progress", ".story", "form")]
    tops = [box["y"] for box in boxes if box]

    assert "not a picture that we can read" in refused
    assert "Describe the picture in a sentence" in undescribed
    assert loaded
    assert tops == sorted(tops) if width == "phone" else boxes[0]["x"] < boxes[3]["x"]  # type: ignore[index]
    faults = donor.faults() + donor.open("/give/").faults()
    assert not faults, "\n".join(faults)
    assert donor.page.get_by_role("img", name=ALT[language]).count() == 1


@submits("admin:logistics_charity_change")
@pytest.mark.usefixtures("look_kept")
def test_the_charity_s_colours_and_logo_are_on_every_public_page_with_a_way_home(
    staff: SignIn, donor: Visitor, product: Instance, files: dict[str, Path]
) -> None:
    [(charity, name)] = product.rows("SELECT id, name FROM logistics_charity")
    finance = staff("finance").open(f"/admin/logistics/charity/{charity}/change/")
    finance.page.locator("[name=colour]").evaluate("field => { field.value = '#ffcc00' }")
    finance.press("Save")
    refused = finance.text()
    finance.page.locator("[name=colour]").evaluate("field => { field.value = '#5b1f7a' }")
    finance.page.locator("[name=picture_file]").set_input_files(files["logo.png"])
    finance.press("Save")
    (token,) = product.rows("SELECT token FROM logistics_document WHERE kind = 'packing-list'")[0]
    pages = {"/give/": 200, f"/verify/{token}/": 200, "/verify/nothing/": 404, "/nowhere/": 404, "/give/?x=%00": 400}
    faults: list[str] = []
    for path, status in pages.items():
        with donor.refused(status):
            donor.open(path)
        header = donor.page.locator("header")
        logo = header.locator("img")
        assert "91, 31, 122" in header.evaluate("header => getComputedStyle(header).backgroundImage"), path
        assert logo.evaluate("image => image.complete && image.naturalWidth"), path
        assert name in header.inner_text(), path
        home = header.get_by_role("link", name=name).get_attribute("href")
        assert home in ("/", "/give/"), path
        faults += donor.faults()

    assert "hard to read" in refused
    assert not faults, "\n".join(faults)
