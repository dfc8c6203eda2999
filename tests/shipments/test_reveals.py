"""A driver sees the address of a confidential site once, with a link that a safety officer made for one waybill."""

import io
import json
import logging
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
import time_machine
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client

from logistics.audit.models import AuditEntry
from logistics.errors import DomainError, Invalid
from logistics.idempotency.models import IdempotencyRecord
from logistics.logs import logging_config
from logistics.mail.models import Email
from logistics.partners import addresses
from logistics.people.models import User
from logistics.roles import Role
from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.reveals import services
from shipments.reveals.models import Reveal
from shipments.shipments import lifecycle
from tests.clients import just_signed_in, signed_in
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import SHELTER, make_contact, make_shelter, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.reveals import make_leg, make_reveal, shipment_of
from tests.threads import in_threads

ADD = "/admin/shipments/reveal/add/"
REASON = "He brings the beds on Friday."
TEXTS = [str(text) for text in SHELTER.values()]


def path_of(made: services.NewReveal) -> str:
    return f"/d/{made.token}/"


def shows(answer: Any) -> bool:
    """Return whether a page shows any part of the address."""
    text = answer.content.decode()
    return any(value in text for value in TEXTS)


def is_kind_page_without_facts(answer: Any, made: services.NewReveal) -> bool:
    text = answer.content.decode()
    facts = (*TEXTS, made.row.driver, made.row.paper.number, made.row.site.code, made.token)
    return "no longer works" in text and not [fact for fact in facts if fact in text]


def form_of(paper: Paper, **changes: Any) -> dict[str, Any]:
    site = paper.shipment.sites.order_by("label")[0].site
    return {"leg": f"{paper.pk}:{site.pk}", "driver": "Moussa Keïta", "hours": "12", "reason": REASON} | changes


@pytest.mark.django_db
class TestTheDriver:
    def test_sees_what_it_is_about_and_only_after_pressing_the_button_the_address(self) -> None:
        made, browser = make_reveal(), Client(enforce_csrf_checks=True)

        asked = browser.get(path_of(made))
        shown = browser.post(path_of(made))

        assert (asked.status_code, shows(asked)) == (200, False)
        assert {made.row.paper.number, "Moussa Keïta", "11 hours"} <= set(
            re.findall(r"<dd>(.*?)</dd>", asked.content.decode())
        )
        assert shown.status_code == 200
        assert all(value in shown.content.decode() for value in TEXTS)
        for answer in (asked, shown):
            assert "no-store" in answer["Cache-Control"]
            assert answer["Referrer-Policy"] == "no-referrer"
            assert "noindex" in answer["X-Robots-Tag"]
            assert "<script" not in answer.content.decode()

    @pytest.mark.parametrize("method", ["get", "head", "post"])
    def test_sees_it_once(self, method: str) -> None:
        made = make_reveal()
        Client().post(path_of(made))

        again = getattr(Client(), method)(path_of(made))

        assert again.status_code == 410
        assert method == "head" or is_kind_page_without_facts(again, made)
        assert AuditEntry.objects.filter(verb="address read by link").count() == 1

    def test_opening_the_page_uses_nothing_up(self) -> None:
        made = make_reveal()

        answers = [getattr(Client(), method)(path_of(made)) for method in ("head", "get", "get")]
        refused = Client().put(path_of(made))

        assert [answer.status_code for answer in answers] == [200, 200, 200]
        assert refused.status_code == 405
        assert Reveal.objects.get().seen_at is None
        assert not AuditEntry.objects.filter(verb="address read by link").exists()

    def test_reads_the_pages_in_french(self) -> None:
        made = make_reveal()

        by_phone = Client().get(path_of(made), headers={"Accept-Language": "fr-ML"}).content.decode()
        by_choice = Client().get(path_of(made) + "?language=fr").content.decode()
        shown = Client().post(path_of(made) + "?language=fr").content.decode()

        assert all('lang="fr"' in page for page in (by_phone, by_choice, shown))
        assert all("Afficher l’adresse" in page for page in (by_phone, by_choice))
        assert "Adresse de livraison" in shown

    def test_guesses_are_limited(self) -> None:
        browser = Client()

        answers = [browser.get(f"/d/{'x' * 32}{number}/").status_code for number in range(62)]

        assert (answers[0], answers[59], answers[61]) == (404, 404, 429)


def cancel(paper: Paper) -> None:
    lifecycle.cancel(shipment_of(paper), reason="Not needed.", by=make_packer(), at=datetime.now(UTC))


def reopen(paper: Paper) -> None:
    lifecycle.reopen(shipment_of(paper), reason="One more box.", by=make_packer(), at=datetime.now(UTC))


def lose(paper: Paper) -> None:
    lifecycle.lose(shipment_of(paper), reason="Sunk.", by=make_packer(), at=datetime.now(UTC))


def send_back(paper: Paper) -> None:
    lifecycle.send_back(shipment_of(paper), reason="Refused.", by=make_packer(), at=datetime.now(UTC))


def replace(paper: Paper) -> None:
    told: Any = {"kind": Paper.Kind.WAYBILL, "replaces": paper.number, "reason": "Other truck."}
    papers.issue(shipment_of(paper), **told, by=make_packer(), at=datetime.now(UTC))


def deliver(paper: Paper) -> None:
    confirm(shipment_of(paper), {"package": 1, "good": 1}, default="none")


def revoke(paper: Paper) -> None:
    services.revoke(Reveal.objects.get(), by=make_user(Role.SAFETY), at=datetime.now(UTC))


def take_the_role(paper: Paper) -> None:
    User.objects.filter(roles=[Role.SAFETY]).update(roles=[Role.COORDINATOR])


def deactivate(paper: Paper) -> None:
    User.objects.filter(roles=[Role.SAFETY]).update(is_active=False)


BEFORE_IT_LEAVES = [cancel, reopen]
ENDS = [*BEFORE_IT_LEAVES, lose, send_back, replace, deliver, revoke, take_the_role, deactivate]


@pytest.mark.django_db
class TestTheLinkEnds:
    @pytest.mark.parametrize("event", ENDS)
    def test_with_its_leg_its_officer_or_by_hand(self, event: Any) -> None:
        paper = make_leg(leaves=event not in BEFORE_IT_LEAVES)
        made = make_reveal(paper)
        event(paper)

        answers = [Client().get(path_of(made)), Client().post(path_of(made))]

        assert [answer.status_code for answer in answers] == [410, 410]
        assert all(is_kind_page_without_facts(answer, made) for answer in answers)
        assert not AuditEntry.objects.filter(verb="address read by link").exists()
        assert not Email.objects.filter(kind="address-read").exists()

    def test_after_the_hours_that_the_officer_chose(self) -> None:
        made = make_reveal(at=NOON, hours=3)

        with time_machine.travel(NOON + timedelta(hours=3) - timedelta(seconds=1), tick=False):
            before = Client().get(path_of(made))
        with time_machine.travel(NOON + timedelta(hours=3), tick=False):
            after = [Client().get(path_of(made)), Client().post(path_of(made))]

        assert (before.status_code, "1 minute<" in before.content.decode()) == (200, True)
        assert [answer.status_code for answer in after] == [410, 410]
        assert all(is_kind_page_without_facts(answer, made) for answer in after)

    def test_a_delivery_to_another_site_does_not_end_it(self) -> None:
        shelter = make_shelter()
        other = make_shelter(shelter.partner, name="Jigiya")
        paper = make_leg(shelter, other)
        made, elsewhere = make_reveal(paper, site=shelter), make_reveal(paper, site=other)

        deliver(paper)

        assert Client().get(path_of(elsewhere)).status_code == 200
        assert Client().get(path_of(made)).status_code == 410
        assert Reveal.objects.get(pk=made.row.pk).ended_because == Reveal.End.DELIVERED


@pytest.mark.django_db
class TestAViewing:
    def test_is_in_the_trail_and_mailed_to_the_partner_s_administrator(self) -> None:
        officer, made = make_user(Role.SAFETY, name="Safiatou"), None
        paper = make_leg()
        partner = paper.shipment.consignee
        make_contact(partner, email="head@example.org", is_administrator=True, language="en")
        make_contact(partner, email="driver@example.org")
        made = make_reveal(paper, by=officer)

        Client().post(path_of(made))

        entries = AuditEntry.objects.filter(subject_id=made.row.site_id, verb__contains="link").order_by("sequence")
        assert [(entry.verb, entry.by, entry.reason) for entry in entries] == [
            ("driver’s link created", officer, REASON),
            ("address read by link", None, REASON),
        ]
        assert entries[1].details == {
            "link": str(made.row.pk),
            "officer": str(officer.pk),
            "administrators_notified": 1,
        }
        mail = Email.objects.get(kind="address-read")
        assert mail.to == "head@example.org"
        assert all(text in mail.body for text in ("Moussa Keïta", made.row.paper.number, REASON))
        assert "Safiatou" not in mail.body
        assert not [value for value in TEXTS if value in mail.subject + mail.body]

    def test_is_committed_before_the_address_is_decrypted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made = make_reveal()

        def fail(*_: object) -> None:
            raise RuntimeError("the vault is away")

        monkeypatch.setattr(addresses, "_opened", fail)

        with pytest.raises(RuntimeError, match="away"):
            Client().post(path_of(made))
        assert AuditEntry.objects.filter(verb="address read by link").exists()
        assert Reveal.objects.get().seen_at is not None

    def test_leaves_neither_token_nor_address_in_the_database_or_the_log(self) -> None:
        written, root = io.StringIO(), logging.getLogger()
        handler, form = logging.StreamHandler(written), logging_config(level="INFO")["formatters"]["json"]
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                processor=form["processor"], foreign_pre_chain=form["foreign_pre_chain"]
            )
        )
        root.addHandler(handler)
        try:
            made = make_reveal()
            for client in (Client(), Client(headers={"Accept": "text/html"})):
                client.get(path_of(made))
                client.post(path_of(made))
                client.get(f"/d/{made.token}")
                client.get(f"/d/{made.token}/more/")
                root.warning("opened %s", path_of(made))
        finally:
            root.removeHandler(handler)

        kept = str([list(model.objects.values()) for model in (Reveal, AuditEntry, Email, IdempotencyRecord)])
        for text in (written.getvalue(), kept):
            assert made.token not in text
            assert not [value for value in TEXTS if value in text or json.dumps(value)[1:-1] in text]
        assert "opened /d/" in written.getvalue()


@pytest.mark.django_db(transaction=True)
def test_of_eight_at_once_one_sees_the_address() -> None:
    made = make_reveal()

    answers = in_threads(lambda _number: Client().post(path_of(made)))

    assert sorted(answer.status_code for answer in answers) == [200] + [410] * 7
    assert [shows(answer) for answer in answers].count(True) == 1
    assert AuditEntry.objects.filter(verb="address read by link").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_revocation_that_meets_a_viewing_comes_before_or_after_it() -> None:
    made, officer = make_reveal(), make_user(Role.SAFETY)

    def act(number: int) -> bool:
        if number % 2:
            return shows(Client().post(path_of(made)))
        services.revoke(Reveal.objects.get(pk=made.row.pk), by=officer, at=datetime.now(UTC))
        return False

    seen = in_threads(act, times=4).count(True)

    row = Reveal.objects.get()
    assert (seen, row.seen_at is not None, row.ended_at is not None) in {(1, True, False), (0, False, True)}


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
    def test_is_nobody_else(self, role: Role) -> None:
        paper, made = make_leg(), make_reveal()
        browser = signed_in(role)

        answers = [
            browser.get(ADD),
            browser.post(ADD, form_of(paper)),
            browser.post(f"/admin/shipments/reveal/{made.row.pk}/revoke/", {"confirmed": "1"}),
        ]

        assert [answer.status_code for answer in answers] == [403, 403, 403]
        assert (Reveal.objects.count(), Reveal.objects.get().ended_at) == (1, None)

    def test_is_no_superuser(self) -> None:
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
class TestTheDatabaseRefuses:
    def change(self, made: services.NewReveal, **fields: Any) -> None:
        with transaction.atomic():
            Reveal.objects.filter(pk=made.row.pk).update(**fields)

    def test_a_second_viewing_and_a_link_without_end(self) -> None:
        made = make_reveal(at=NOON)
        self.change(made, seen_at=NOON + timedelta(hours=1))

        with pytest.raises(ProgrammingError, match="Cannot update"):
            self.change(made, seen_at=NOON + timedelta(hours=2))
        with pytest.raises(ProgrammingError, match="permission denied"):
            self.change(made, expires_at=NOON + timedelta(days=9))
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Reveal.objects.get().delete()

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"seen_at": NOON + timedelta(hours=13)}, "a_drivers_link_is_seen_while_it_works"),
            ({"ended_at": NOON}, "a_drivers_link_says_why_it_ended"),
        ],
    )
    def test_what_cannot_be(self, fields: dict[str, Any], constraint: str) -> None:
        with pytest.raises(IntegrityError, match=constraint):
            self.change(make_reveal(at=NOON), **fields)

    def test_more_than_72_hours(self) -> None:
        made = make_reveal(at=NOON)
        values: dict[str, Any] = {**Reveal.objects.filter(pk=made.row.pk).values().get()}
        values |= {"id": None, "token_sha256": "0" * 64, "expires_at": NOON + timedelta(hours=73)}
        del values["id"]

        with pytest.raises(IntegrityError, match="72_hours"), transaction.atomic():
            Reveal.objects.create(**values)


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
