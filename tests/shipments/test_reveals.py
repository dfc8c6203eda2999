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
from django.db import IntegrityError, ProgrammingError, transaction
from django.test import Client

from logistics.audit.models import AuditEntry
from logistics.idempotency.models import IdempotencyRecord
from logistics.logs import logging_config
from logistics.mail.models import Email
from logistics.partners import addresses
from logistics.people.models import User
from logistics.roles import Role
from shipments.papers.models import Paper
from shipments.reveals import services
from shipments.reveals.models import Reveal
from shipments.shipments import lifecycle
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_shelter
from tests.makers.people import make_packer, make_user
from tests.makers.reveals import make_leg, make_reveal, shipment_of
from tests.shipments.drivers import REASON, TEXTS, cancel, lose, path_of, replace, send_back, shows
from tests.threads import in_threads


def is_kind_page_without_facts(answer: Any, made: services.NewReveal) -> bool:
    text = answer.content.decode()
    facts = (*TEXTS, made.row.driver, made.row.paper.number, made.row.site.code, made.token)
    return "no longer works" in text and not [fact for fact in facts if fact in text]


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
    def test_sees_the_address_once(self, method: str) -> None:
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


def reopen(paper: Paper) -> None:
    lifecycle.reopen(shipment_of(paper), reason="One more box.", by=make_packer(), at=datetime.now(UTC))


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
    def test_with_its_leg_with_its_officer_or_when_revoked(self, event: Any) -> None:
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
    def test_what_no_link_can_be(self, fields: dict[str, Any], constraint: str) -> None:
        with pytest.raises(IntegrityError, match=constraint):
            self.change(make_reveal(at=NOON), **fields)

    def test_a_link_for_more_than_72_hours(self) -> None:
        made = make_reveal(at=NOON)
        values: dict[str, Any] = {**Reveal.objects.filter(pk=made.row.pk).values().get()}
        values |= {"id": None, "token_sha256": "0" * 64, "expires_at": NOON + timedelta(hours=73)}
        del values["id"]

        with pytest.raises(IntegrityError, match="72_hours"), transaction.atomic():
            Reveal.objects.create(**values)
