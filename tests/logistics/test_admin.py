"""The admin: sign-in, visibility, and changes through the services."""

import html
import re

import pytest
from axes.utils import reset
from django import forms
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from logistics.audit import services as audit
from logistics.audit.models import AuditEntry
from logistics.catalogue.models import Item
from logistics.mail.models import Email
from logistics.partners.models import Contact, Partner, Site
from logistics.people.models import ApiKey, User
from logistics.roles import Role
from tests.logistics.admin_pages import HTML, page_of, signed_in
from tests.makers.catalogue import make_category, make_item
from tests.makers.mail import make_email
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_key, make_partner, make_partner_user, make_site
from tests.makers.people import PASSWORD, make_user

pytestmark = pytest.mark.django_db


class TestSignIn:
    @pytest.fixture(autouse=True)
    def _forget_guesses(self):
        reset()

    def sign_in(self, email, password=PASSWORD, address="127.0.0.1"):
        return Client(headers=HTML, REMOTE_ADDR=address).post(
            "/admin/login/", {"username": email, "password": password}
        )

    def test_staff_sign_in_and_see_the_dashboard(self):
        user = make_user(Role.WAREHOUSE)

        answer = self.sign_in(user.email.upper())

        assert (answer.status_code, answer.url) == (302, "/admin/")

    def test_partners_cannot_sign_in(self):
        assert self.sign_in(make_partner_user().email).status_code == 200  # the form again

    def test_five_wrong_passwords_lock_out_the_address(self):
        user = make_user(Role.WAREHOUSE)
        for _ in range(5):
            last = self.sign_in(user.email, "guess")
        other_case = self.sign_in(user.email.upper())

        assert last.status_code == 429
        assert "Too many failed sign-in attempts" in last.content.decode()
        assert (self.sign_in(user.email).status_code, other_case.status_code) == (429, 429)

    def test_a_lock_out_does_not_affect_the_owner_at_another_address(self):
        user = make_user(Role.WAREHOUSE)
        for _ in range(6):
            self.sign_in(user.email, "guess", address="10.0.0.9")

        assert self.sign_in(user.email, address="10.0.0.10").status_code == 302

    def test_the_sign_in_page_is_available_in_french(self):
        page = Client(headers=HTML | {"Accept-Language": "fr"}).get("/admin/login/").content.decode()

        assert "Mot de passe" in page


class TestPages:
    @pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.FINANCE, Role.COORDINATOR, Role.AUDITOR])
    def test_the_dashboard_opens_for_all_staff(self, role):
        page = signed_in(role).get("/admin/").content.decode()

        assert "Shipments by state" in page
        assert ("Donations by state" in page) is (role in (Role.FINANCE, Role.AUDITOR))
        assert ("Latest activity" in page) is (role == Role.AUDITOR)

    def test_the_audit_trail_is_read_and_filtered_in_french(self):
        client, partner = signed_in(Role.AUDITOR), make_partner()
        for verb in ("partner created", "key issued"):
            entry = audit.record(verb, partner, by=None, at=NOON, fields=["tax_number"], was="ended", key=True)
        make_email(kind="address-read")
        url = reverse("admin:logistics_auditentry_changelist")
        client.post(reverse("set_language"), {"language": "fr"})

        first, listed = client.get(reverse("admin:index")).content.decode(), client.get(url).content.decode()
        detail = client.get(page_of(AuditEntry, kind="change", args=[entry.pk])).content.decode()
        mails = client.get(page_of(Email)).content.decode()
        narrowed = client.get(f"{url}?verb=partner+created").content.decode()

        for page in (first, listed):
            assert "partenaire créé" in page
            assert "partner created" not in re.sub(r'(href|value)="[^"]*"', "", page)
        assert "clé : oui · avant : Partenariat terminé · champs : numéro fiscal" in detail.replace(
            "\N{NO-BREAK SPACE}", " "
        )
        assert f">{partner}</a>" in listed
        assert "adresse consultée" in mails
        rows = narrowed.partition('id="result_list"')[2].partition("</table>")[0]
        assert "partenaire créé" in rows and "clé émise" not in rows

    def test_the_dashboard_is_translated(self):
        client = signed_in(Role.AUDITOR)

        page = client.get("/admin/", headers=HTML | {"Accept-Language": "fr"}).content.decode()

        assert "Expéditions par état" in page

    @pytest.mark.parametrize(
        "model", [model for model in admin.site._registry if model._meta.app_label == "logistics"], ids=str
    )
    def test_every_list_and_every_row_opens(self, model):
        make_contact(make_partner())
        make_site()
        make_item()
        make_key(make_partner())
        make_email()
        client = signed_in(is_superuser=True)  # the last user created: the first ones belong to programs
        row = model._default_manager.last()

        assert client.get(page_of(model)).status_code == 200
        assert client.get(page_of(model) + "?q=x").status_code == 200
        if row is not None:
            assert client.get(page_of(model, kind="change", args=[row.pk])).status_code == 200

    @pytest.mark.parametrize(
        ("role", "model", "status"),
        [
            (Role.WAREHOUSE, Email, 403),
            (Role.WAREHOUSE, AuditEntry, 403),
            (Role.WAREHOUSE, User, 403),
            (Role.FINANCE, Contact, 403),
            (Role.FINANCE, ApiKey, 403),
            (Role.COORDINATOR, ApiKey, 200),
            (Role.AUDITOR, AuditEntry, 200),
            (Role.AUDITOR, User, 200),
        ],
    )
    def test_roles_see_only_their_models(self, role, model, status):
        assert signed_in(role).get(page_of(model)).status_code == status

    def test_a_mail_is_shown_without_its_contents(self):
        email = make_email(kind="sign-in-link", body="http://localhost:8000/my-gifts/in/secret")

        page = signed_in(Role.FINANCE).get(page_of(Email, kind="change", args=[email.pk])).content.decode()

        assert "somebody@example.org" in page
        assert "/my-gifts/in/" not in page

    def test_coordinators_cannot_see_mails_to_donors(self):
        email = make_email(kind="sign-in-link")
        coordinator = signed_in(Role.COORDINATOR)

        assert "somebody@example.org" not in coordinator.get(page_of(Email)).content.decode()
        assert coordinator.get(page_of(Email, kind="change", args=[email.pk])).status_code == 302

    def test_a_secret_address_has_no_admin_page(self):
        assert not [model for model in admin.site._registry if model._meta.model_name == "siteaddress"]

    def test_the_item_list_takes_the_same_queries_for_a_hundred_and_a_thousand(self):
        category, client, counts = make_category(), signed_in(Role.WAREHOUSE), []
        for count in (100, 1000):  # more than a thousand are estimated, by one more query
            Item.objects.bulk_create(Item(code=f"I{count}-{n}", name_en="I", category=category) for n in range(count))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                client.get(page_of(Item))
            counts.append(len(queries))

        assert counts[1] <= counts[0] + 1


def form_of(client, url) -> dict[str, str]:
    """Return the hidden fields of a form, as a browser would send them back."""
    page = client.get(url).content.decode()
    return dict(re.findall(r'<input type="hidden" name="(seen_version)" value="([^"]*)"', page))


class TestChanges:
    def test_an_item_is_created_through_the_service(self):
        client, category = signed_in(Role.WAREHOUSE), make_category()
        fields = {"code": "BED", "name_en": "Bed", "category": str(category.pk), "unit": "H87", "hs6": "940320"}

        answer = client.post(page_of(Item, kind="add"), fields | {"is_active": "on"})

        assert answer.status_code == 302, answer.content.decode()[-2000:]
        assert Item.objects.get().code == "BED"
        assert AuditEntry.objects.filter(verb="item created", by__roles=["warehouse"]).exists()

    def test_an_unknown_code_is_refused_beside_its_field(self):
        client, category = signed_in(Role.WAREHOUSE), make_category()
        fields = {"code": "BED", "name_en": "Bed", "category": str(category.pk), "unit": "H87", "hs6": "123456"}

        page = client.post(page_of(Item, kind="add"), fields).content.decode()

        assert "not a subheading of the Harmonized System" in page
        assert not Item.objects.exists()

    def test_only_a_refused_form_may_be_kept_for_the_back_button_until_one_signs_out(self):
        warehouse, coordinator = signed_in(Role.WAREHOUSE), signed_in(Role.COORDINATOR)
        form_at, key_at = (
            page_of(Item, kind="add"),
            reverse("admin:logistics_partner_issue_key", args=[make_partner().pk]),
        )

        refused = warehouse.post(form_at, {"code": "BED"})
        others = [warehouse.get(form_at), coordinator.post(key_at, {"name": "phone", "valid_days": "30"})]

        assert refused["Cache-Control"] == "private, no-cache"
        assert [answer.status_code for answer in others] == [200, 200]
        assert all("no-store" in answer["Cache-Control"] for answer in others)
        assert warehouse.post("/admin/logout/")["Clear-Site-Data"] == '"cache"'

    def test_an_edit_of_an_old_version_is_refused(self):
        item = make_item()
        client, url = signed_in(Role.WAREHOUSE), page_of(Item, kind="change", args=[item.pk])
        seen = form_of(client, url)
        Item.objects.update(version=2)
        fields = {"name_en": "Desk", "category": str(item.category_id), "unit": "H87"}

        page = client.post(url, seen | fields).content.decode()

        assert "Somebody else has changed this in the meantime" in page
        assert Item.objects.get().name_en != "Desk"

    def test_changing_a_partner_increments_its_version(self):
        partner = make_partner()
        client, url = signed_in(Role.COORDINATOR), page_of(Partner, kind="change", args=[partner.pk])
        fields = {"code": partner.code, "name": "New name", "status": "approved", "languages": "fr", "country": "ML"}
        formsets = {f"{name}-{part}_FORMS": "0" for name in ("contacts", "sites") for part in ("TOTAL", "INITIAL")}

        answer = client.post(url, form_of(client, url) | fields | formsets)

        partner.refresh_from_db()
        assert (answer.status_code, partner.name, partner.version) == (302, "New name", 2)

    def test_a_key_is_created_and_shown_once(self):
        partner = make_partner()
        client = signed_in(Role.COORDINATOR)
        url = reverse("admin:logistics_partner_issue_key", args=[partner.pk])

        page = client.post(url, {"name": "phone", "valid_days": "30"}).content.decode()

        text = re.search(r"[0-9a-f]{12}\.[\w-]{40,}", page)
        assert text
        assert Client(headers={"Authorization": f"Bearer {text[0]}"}).get("/api/v1/me/").status_code == 200
        assert text[0] not in client.get(url).content.decode()

    def test_a_third_live_key_is_refused_with_the_reason(self):
        partner = make_partner()
        make_key(partner)
        make_key(partner)
        url = reverse("admin:logistics_partner_issue_key", args=[partner.pk])

        page = signed_in(Role.COORDINATOR).post(url, {"name": "phone", "valid_days": "30"}).content.decode()

        assert "Revoke one first" in page

    def test_the_warehouse_cannot_create_keys(self):
        url = reverse("admin:logistics_partner_issue_key", args=[make_partner().pk])

        assert signed_in(Role.WAREHOUSE).post(url, {"name": "phone", "valid_days": "30"}).status_code == 403
        assert not ApiKey.objects.exists()

    def test_keys_can_be_revoked_from_the_list(self):
        key = make_key(make_partner()).row

        signed_in(Role.COORDINATOR).post(page_of(ApiKey), {"action": "revoke", "_selected_action": [str(key.pk)]})

        key.refresh_from_db()
        assert key.revoked_at

    def test_dead_jobs_can_be_retried_from_the_list(self):
        email = make_email(kind="receipt")
        Email.objects.filter(pk=email.pk).update(state="dead", ended_at=NOON)

        signed_in(Role.FINANCE).post(page_of(Email), {"action": "retry_jobs", "_selected_action": [str(email.pk)]})

        email.refresh_from_db()
        assert (email.state, email.attempts) == ("pending", 0)

    def test_an_auditor_cannot_change_anything(self):
        item, email = make_item(), make_email()
        client = signed_in(Role.AUDITOR)
        Email.objects.update(state="dead", ended_at=NOON)

        client.post(page_of(Email), {"action": "retry_jobs", "_selected_action": [str(email.pk)]})
        answer = client.post(page_of(Item, kind="change", args=[item.pk]), {"name_en": "X"})

        assert (answer.status_code, Email.objects.get().state) == (403, "dead")

    def test_a_deactivated_user_is_signed_out_at_once(self):
        leaver = make_user(Role.FINANCE)
        client = Client(headers=HTML)
        client.force_login(leaver, backend="logistics.people.backends.RoleBackend")
        url = page_of(User, kind="change", args=[leaver.pk])

        signed_in(is_superuser=True).post(url, {"name": leaver.name, "language": "en", "roles": ["finance"]})

        leaver.refresh_from_db()
        assert not leaver.is_active
        assert client.get("/admin/").status_code == 302

    def test_a_contact_can_be_deleted(self):
        contact = make_contact()

        url = page_of(Contact, kind="delete", args=[contact.pk])
        answer = signed_in(Role.COORDINATOR).post(url, {"post": "yes"})

        assert answer.status_code == 302
        assert not Contact.objects.exists()
        assert AuditEntry.objects.filter(verb="contact removed").exists()


def test_regions_have_names_in_lists_filters_and_choices():
    site = make_site(region="ML04")
    client = signed_in(Role.COORDINATOR)

    listed = client.get(page_of(Site)).content.decode()
    form = client.get(page_of(Site, kind="change", args=[site.pk])).content.decode()
    other = client.get(page_of(Site), {"region": "ML01"}).content.decode()

    assert re.search(r'data-label="region">\s*(<[^>]*>\s*)*Segou \(ML04\)', listed)
    assert re.search(r"region=ML04[^>]*>\s*(<[^>]*>\s*)*Segou", other)
    assert re.search(r'<option value="ML04" selected>\s*Segou \(ML04\)', form)
    assert '<optgroup label="Burkina Faso">' in form
    assert site.code in listed
    assert site.code not in other


def test_the_message_shows_the_code_of_a_new_site():
    form = {
        "partner": make_partner().pk,
        "kind": "open",
        "public_name": "School",
        "region": "ML05",
        "hand_over_point": "Market, Mopti",
    }

    answer = signed_in(Role.COORDINATOR).post(page_of(Site, kind="add"), form, follow=True)

    assert f"site {Site.objects.get().code}" in html.unescape(answer.content.decode())


def test_no_form_asks_for_a_time_or_for_a_code_that_could_be_chosen(rf):
    request, asked = rf.get("/admin/"), {}
    request.user = make_user(is_superuser=True)
    codes = {"language", "languages", "country", "origin", "time_zone"}

    for model, page in admin.site._registry.items():
        if not (page.has_add_permission(request) or page.has_change_permission(request)):
            continue
        for name, field in page.get_form(request).base_fields.items():
            if name in codes or name.endswith(("currency", "currencies")):
                asked[model.__name__, name] = bool(getattr(field.widget, "choices", None))
            assert not isinstance(field, forms.DateTimeField | forms.SplitDateTimeField), (model, name)

    assert {where for where, is_chosen in asked.items() if not is_chosen} == set()
    assert len(asked) > 10


def test_a_password_that_is_too_weak_is_refused_beside_it():
    weak = {"old_password": PASSWORD, "new_password1": "Password1234!", "new_password2": "Password1234!"}

    answer = signed_in(Role.FINANCE).post("/admin/password_change/", weak)

    assert [*answer.context["form"].errors] == ["new_password1"]
