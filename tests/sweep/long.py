"""The long form: the story, then every address as everybody, then every store and log."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from logistics.jobs.models import Job
from logistics.jobs.services import job_models
from logistics.mail import readers
from logistics.mail.models import Email
from logistics.notices import services as notices
from logistics.partners.models import Partner
from shipments.papers.models import Paper
from tests.journeys.people import Person, Program, Staff
from tests.journeys.place import STAFF
from tests.makers.pictures import make_picture
from tests.processes import Instance
from tests.sweep import planting
from tests.sweep import product as products
from tests.sweep.__main__ import CONTROLS_IN
from tests.sweep.planting import CONTROLS, PASSWORD
from tests.sweep.secret import Finder, Secret
from tests.sweep.unpacking import of_mail, views
from tests.sweep.walk import Filler, Walk

Say = Callable[[str], None]
SETTINGS = ("SECRET_KEY", "FIELD_KEYS", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS")
NOT_IN_ADMIN = ("program", "other", "donor")  # for the admin, they are anonymous
WRITERS = ("anonymous", "program", "coordinator", "superuser")
OURS = ("web", "worker", "beat", "relay")  # the stand-in for Stripe gets the links by design


@dataclass
class Sweep:
    product: Instance
    story: products.SecretStory
    folder: Path
    postgres_log: Path

    def run(self, say: Say) -> int:
        """Return the exit code."""
        monitor = products.Monitor(self.product.env["REDIS_URL"])
        monitor.listen()
        self._tell(say)
        finder = Finder(self._secrets())
        sign_in = self.story.sign_in_link()
        walk = Walk(finder, Filler([sign_in], [self.story.facts["drivers_token"]], self.story.invitation()))
        callers = {name: products.caller(person) for name, person in self._people().items()}
        walk.read({name: callers[name] for name in callers if name not in NOT_IN_ADMIN}, kinds=("admin",))
        walk.read(callers, kinds=("api", "page"))
        say(f"{sum(walk.requests.values())} addresses were read, as {len(callers)} callers")
        self._send_malformed()
        walk.write({name: callers[name] for name in WRITERS})
        say(f"{sum(walk.requests.values())} requests with the empty writes")
        products.plant_in_stores(self.product, self.folder)
        for place, data in self._stores(monitor):
            finder.look(place, data, unpack=of_mail if place.startswith("mail ") else views)
        return self._report_progress(walk, say)

    def _tell(self, say: Say) -> None:
        paid = PaymentAttempt.objects.filter(counts=True)
        self.story.facts["intent"] = lambda: paid.latest("id").payment_intent_id
        self.story.facts["disputed"] = lambda: paid.earliest("id").payment_intent_id
        for number, (title, step) in enumerate(self.story.steps()):
            if number == 1:
                self._plant_in_charity()
                make_picture()
            step()
            say(title)
            if "registers the partner" in title:
                self._plant_in_partner()

    def _send_malformed(self) -> None:
        """Send a request that the web server itself refuses, and may log: with a donor's link in it."""
        path = tokens.path_of(Donation.objects.latest("id"))
        with socket.create_connection(("127.0.0.1", self.product.port), timeout=30) as connection:
            connection.sendall(f"GET {path} HTTP/9.9\r\nHost: localhost\r\n\r\n".encode())
            connection.recv(1000)

    def _plant_in_charity(self) -> None:
        """Plant leaks in what receipts and mails print."""
        finance = self.story.staff("finance")
        charity = finance.get("/api/v1/charity/")
        charity |= {
            "signatory": f"Chan {planting.in_hex(CONTROLS['paper'])}",
            "name": f"Secours d’été {CONTROLS['mail']}",
        }
        finance.send("PUT", "/api/v1/charity/", charity)

    def _plant_in_partner(self) -> None:
        coordinator = self.story.staff("coordinator")
        partner = Partner.objects.get(code="AMAR")
        changes = {"address": f"BP 12, {CONTROLS['field']}", "version": partner.version}
        coordinator.send("PATCH", f"/api/v1/partners/{partner.pk}/", changes)

    def _people(self) -> dict[str, Person]:
        base = self.story.place.base_url
        people: dict[str, Person] = {role: self.story.staff(role) for role in STAFF}
        donor = Person(base)
        link = f"/my-gifts/in/{self.story.sign_in_link()}/"
        form = {"csrfmiddlewaretoken": products.csrf(donor, link)}
        donor.http.post(donor.url(link), data=form, headers={"Referer": donor.url(link)}, timeout=30)
        return {
            "anonymous": Person(base),
            **people,
            "superuser": Staff(base, products.ROOT, PASSWORD),
            "program": self.story.facts["partner"],
            "other": self.story.facts["other"],
            "donor": donor,
        }

    def _secrets(self) -> list[Secret]:
        gifts = [
            planting.of_donor(tokens.token_of(gift), f"the link of gift {number}")
            for number, gift in enumerate(Donation.objects.order_by("id"), 1)
        ]
        programs = {name: self.story.facts[name] for name in ("partner", "other")}
        keys = {name: _key_of(program) for name, program in programs.items()}
        return [
            *(planting.control(name, *places) for name, places in CONTROLS_IN.items()),
            *planting.of_site(),
            *gifts,
            planting.of_donor(self.story.sign_in_link(), "the sign-in link"),
            planting.of_donor(self.story.payment_link(), "the link to a payment"),
            Secret("the link of an invitation", self.story.invitation()[1], ("^mail",)),
            Secret("a driver's link", self.story.facts["drivers_token"]),
            Secret("a password", PASSWORD),
            *(Secret(f"the key of the {name}", key) for name, key in keys.items()),
            *(Secret(f"the key of the {name}, its secret", key.partition(".")[2]) for name, key in keys.items()),
            *(Secret(name, self.product.env[name].split(",")[0]) for name in SETTINGS),
            Secret("the broker's password", self.product.broker.valkey.password),
        ]

    def _stores(self, monitor: products.Monitor) -> Iterator[tuple[str, bytes]]:
        var = Path(self.product.env["VAR_DIR"])
        for request, answer in self.story.refusals:
            yield f"refusal {request}", answer
        for number, mail in enumerate(self.story.place.mails()):
            yield f"mail {number} to {mail['To']}", mail.as_bytes()
        for path in sorted((var / "files").rglob("*")):
            if path.is_file():
                yield f"file {path.name}", path.read_bytes()
        for name, data in products.contents_of_redis(self.product.env["REDIS_URL"]):
            yield f"redis {name}", data
        yield "redis all commands", b"\n".join(monitor.heard)
        for name in OURS:
            yield f"log {name}", self.product[name].log.read_bytes()
        yield "log valkey", self.product.broker.log.read_bytes()
        yield "log postgres", self.postgres_log.read_bytes()
        yield "dump of the database", products.dump_of(self.product.database)

    def _report_progress(self, walk: Walk, say: Say) -> int:
        finder = walk.finder
        say(f"things searched: {dict(sorted(finder.seen.items()))}, {finder.size / 1e6:.0f} MB unpacked")
        say(f"requests by caller: {dict(walk.requests)}")
        forms = sum(len(secret.forms) for secret in finder.secrets)
        secrets = [secret for secret in finder.secrets if not secret.is_control]
        say(f"{len(secrets)} secrets and {len(CONTROLS_IN)} planted leaks, in {forms} forms")
        blind = [
            *finder.missed(),
            *(f"nobody could open {template}" for template in walk.never_opened()),
            *self._not_driven(),
        ]
        failed = {"LEAK": finder.leaks(), "ERROR": walk.server_errors, "BLIND": blind}
        for word, lines in failed.items():
            for line in lines:
                say(f"{word}  {line}")
        say(", ".join(f"{word}: {len(lines)}" for word, lines in failed.items()))
        return 1 if failed["LEAK"] or failed["ERROR"] else 2 if blind else 0

    def _not_driven(self) -> Iterator[str]:
        """Yield the kinds of mails and papers that did not occur, from their registries."""
        sent = set(Email.objects.filter(state=Job.State.DONE).values_list("kind", flat=True))
        # Nothing fails here, and these mails say only how many did.
        unsaid = {"desk", "stripe-differs", *map(notices.kind_of, job_models())}
        yield from (f"no mail of the kind {kind}" for kind in sorted(readers.kinds() - sent - unsaid))
        printed = set(Paper.objects.filter(document__state=Job.State.DONE).values_list("kind", flat=True))
        yield from (f"no paper of the kind {kind}" for kind in sorted(set(Paper.Kind.values) - printed))


def _key_of(program: Program) -> str:
    return str(program.http.headers["Authorization"]).partition(" ")[2]
