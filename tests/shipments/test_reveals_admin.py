"""Drivers’ links in the admin: who makes them, for which legs, and what is refused."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from logistics.audit.models import AuditEntry
from logistics.errors import DomainError, Invalid
from logistics.people.models import User
from logistics.roles import Role
from shipments.papers.models import Paper
from shipments.reveals.models import Reveal
from tests.clients import just_signed_in, signed_in
from tests.makers.deliveries import confirm
from tests.makers.partners import make_shelter, make_site
from tests.makers.reveals import make_leg, make_reveal, shipment_of
from tests.shipments.drivers import REASON, cancel, lose, path_of, replace, send_back, shows

ADD = "/admin/shipments/reveal/add/"


def form_of(paper: Paper, **changes: Any) -> dict[str, Any]:
    site = paper.shipment.sites.order_by("label")[0].site
    return {"leg": f"{paper.pk}:{site.pk}", "driver": "Moussa Keïta", "hours": "12", "reason": REASON} | changes


@pytest.mark.django_db
class TestTheOfficer:
    def test_is_shown_the_link_once_with_its_qr_code(self) -> None:
        paper, browser = make_leg(), signed_in(Role.SAFETY)

        page = browser.post(ADD, form_of(paper)).content.decode()

        url = re.search(r"https?://\S+/d/([\w-]{32})/", page)
        assert url and "<svg" in page and "12 hours" in page
        row = Reveal.objects.get()
        assert (row.expires_at - row.made_at, row.paper, row.driver) == (timedelta(hours=12), paper, "Moussa Keïta")
        rows = browser.get("/admin/shipments/reveal/").content.decode()
        detail = browser.get(f"/admin/shipments/reveal/{row.pk}/change/").content.decode()
        assert all(paper.number in text and "Moussa Keïta" in text for text in (rows, detail))
        assert not [text for text in (rows, detail) if url[1] in text]
        assert shows(Client().post(f"/d/{url[1]}/"))
        assert "seen" in browser.get("/admin/shipments/reveal/").content.decode()

    def test_confirms_a_sign_in_that_is_not_recent(self) -> None:
        paper, late = make_leg(), signed_in(Role.SAFETY)
        just_signed_in(late, minutes_ago=6)

        asked = late.post(ADD, form_of(paper))

        assert "confirm_password" in asked.content.decode()
        assert not Reveal.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"hours": "0"}, "hours"),
            ({"hours": "73"}, "hours"),
            ({"driver": " "}, "driver"),
            ({"reason": "why not"}, "reason"),
            ({"driver": "The driver of Foyer Ɲɛta"}, "driver"),
            ({"leg": "x:y"}, "leg"),
        ],
    )
    def test_is_told_what_is_wrong_beside_its_field(self, changes: dict[str, str], field: str) -> None:
        answer = signed_in(Role.SAFETY).post(ADD, form_of(make_leg(), **changes))

        assert list(answer.context["adminform"].form.errors) == [field]
        assert not Reveal.objects.exists()

    def test_is_offered_only_valid_waybills_and_sites_with_an_address(self) -> None:
        shelter = make_shelter()
        offered = make_leg(shelter, make_site(shelter.partner))
        for event in (lose, replace, send_back):
            event(make_leg())
        received = make_leg()
        confirm(shipment_of(received))

        page = signed_in(Role.SAFETY).get(ADD)

        legs = dict(page.context["adminform"].form.fields["leg"].choices)
        numbers = {label.partition(",")[0] for label in legs.values()}
        replaced = Paper.objects.get(document__replaces__isnull=False)
        assert numbers == {offered.number, replaced.number, "–"}
        assert shelter.hand_over_point in legs[f"{offered.pk}:{shelter.pk}"]
        assert next(iter(legs)) == ""  # nothing is chosen yet
        assert len(legs) == 3

    @pytest.mark.parametrize("role", [Role.COORDINATOR, Role.AUDITOR, Role.WAREHOUSE, Role.FINANCE])
    def test_is_nobody_without_the_role_of_safety_officer(self, role: Role) -> None:
        paper, made = make_leg(), make_reveal()
        browser = signed_in(role)

        answers = [
            browser.get(ADD),
            browser.post(ADD, form_of(paper)),
            browser.post(f"/admin/shipments/reveal/{made.row.pk}/revoke/", {"confirmed": "1"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert (Reveal.objects.count(), Reveal.objects.get().ended_at) == (1, None)

    def test_is_no_superuser_without_the_role(self) -> None:
        paper, browser = make_leg(), Client()
        root = User.objects.create_superuser("root@example.org", "correct horse battery", name="Ruth Root")
        browser.force_login(root, backend="logistics.people.backends.RoleBackend")
        just_signed_in(browser)

        assert browser.post(ADD, form_of(paper)).status_code == 403

    def test_revokes_one_that_was_not_used(self) -> None:
        made, browser = make_reveal(), signed_in(Role.SAFETY)
        at = f"/admin/shipments/reveal/{made.row.pk}/revoke/"

        page, done = browser.get(at), browser.post(at, {"confirmed": "1"})

        assert (page.status_code, done.status_code) == (200, 302)
        assert Client().post(path_of(made)).status_code == 410
        assert AuditEntry.objects.filter(verb="driver’s link revoked").count() == 1
        assert browser.post(at, {"confirmed": "1"}).status_code == 403

    def test_cannot_choose_a_site_that_the_shipment_does_not_go_to(self) -> None:
        paper, foreign = make_leg(), make_shelter()

        form = form_of(paper, leg=f"{paper.pk}:{foreign.pk}")
        answer = signed_in(Role.SAFETY).post(ADD, form)

        assert list(answer.context["adminform"].form.errors) == ["leg"]
        with pytest.raises(Invalid, match="does not go to this site") as refusal:
            make_reveal(paper, site=foreign)
        assert refusal.value.field == "leg"

    @pytest.mark.parametrize(("event", "code"), [(cancel, "leg_ended"), (None, "no_address")])
    def test_the_service_refuses_a_leg_that_has_ended_and_a_site_without_address(self, event: Any, code: str) -> None:
        shelter = make_shelter()
        other = make_site(shelter.partner)
        paper = make_leg(shelter, other, leaves=False)
        if event:
            event(paper)

        with pytest.raises(DomainError) as refusal:
            make_reveal(paper, site=shelter if event else other)
        assert refusal.value.code == code


@pytest.mark.django_db
def test_the_list_takes_the_same_queries_for_one_and_for_many() -> None:
    paper, browser = make_leg(), signed_in(Role.SAFETY)

    def queries() -> int:
        with_queries = len(connection.queries_log)
        connection.force_debug_cursor = True
        browser.get("/admin/shipments/reveal/")
        return len(connection.queries_log) - with_queries

    make_reveal(paper)
    one = queries()
    for _ in range(4):
        make_reveal(paper)

    assert queries() <= one
