"""What the application's own credentials may do in the database, and those of the schema `sealed`."""

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, ProgrammingError, connection, connections, transaction
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from config.local.postgres import APPLICATION, OWNER, SEALED
from logistics.ids import uuid7
from logistics.partners.models import RefusedText
from tests.makers.partners import make_partner
from tests.services import DATABASE, services

# Written by hand, as the rights are derived from the triggers of the models.
NEVER_CHANGED = {
    "logistics_auditentry",
    "shipments_delivery",
    "shipments_deliveryline",
    "shipments_paper",
    "shipments_unlistedgoods",
}
NEVER_DELETED = {
    *NEVER_CHANGED,
    "donations_dispute",
    "donations_fraudwarning",
    "donations_receipt",
    "donations_refund",
    "donations_stripedifference",
    "donations_stripeevent",
    "logistics_document",
    "shipments_reveal",
    "shipments_shipment",
}
ONLY_THESE_CHANGE = {
    "donations_receipt": {"state", "ended_at", "end_reason"},
    "donations_fraudwarning": {"actionable"},
    "donations_refund": {
        *("id", "stripe_id", "state", "reason", "failure_reason", "created_at", "decided_by_id", "decided_at"),
    },
    "shipments_reveal": {"seen_at", "ended_at", "ended_because", "ended_by_id"},
}
FROZEN = {
    # The amount, currency and channel of an offline gift may be corrected: triggers hold those of card gifts.
    "donations_donation": {"reference", "created_at", "form_key"},
    "donations_paymentattempt": {"donation_id", "number", "amount_minor", "currency", "created_at"},
    "donations_stripeevent": {"stripe_id", "kind", "livemode"},
    "logistics_document": {"context", "number", "token", "replaces_id"},
    "logistics_membership": {"site_id"},
    "shipments_package": {"token"},
}
DDL = [
    "CREATE TABLE another ()",
    "CREATE TEMPORARY TABLE another ()",
    "CREATE SCHEMA another",
    "CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "DROP TRIGGER pgtrigger_audit_is_append_only_826b7 ON logistics_auditentry",
    "CREATE INDEX another ON logistics_email (id)",
    "ALTER TABLE logistics_auditentry DISABLE TRIGGER USER",
    "ALTER TABLE donations_receipt ADD COLUMN another int",
    "DROP TABLE logistics_email",
    "SET ROLE relief_owner",
    "SET session_replication_role = replica",
    "INSERT INTO django_migrations (app, name, applied) VALUES ('a', 'b', now())",
]

OF_SEALED = [
    "SELECT FROM sealed.ciphertext",
    "SELECT count(*) FROM sealed.ciphertext",
    "INSERT INTO sealed.ciphertext (id, content, key_id) VALUES (gen_random_uuid(), '', '')",
    "UPDATE sealed.ciphertext SET content = ''",
    "DELETE FROM sealed.ciphertext",
    "TRUNCATE sealed.ciphertext",
    "COPY sealed.ciphertext TO STDOUT",
    "CREATE TABLE sealed.another ()",
    "CREATE VIEW another AS SELECT * FROM sealed.ciphertext",
    "ALTER SCHEMA sealed RENAME TO another",
    "GRANT USAGE ON SCHEMA sealed TO relief_app",
    "SET ROLE relief_sealed",
    "SET SESSION AUTHORIZATION relief_sealed",
]


@pytest.fixture
def application() -> Iterator[psycopg.Connection]:
    """A session with the credentials of web, worker, beat and relay, without Django."""
    conninfo = services().postgres.conninfo(DATABASE, role=APPLICATION)
    with psycopg.connect(conninfo, autocommit=True) as session:
        yield session


@pytest.fixture
def sealed() -> Iterator[psycopg.Connection]:
    """A session with the credentials of the connection to sealed addresses."""
    with psycopg.connect(services().postgres.conninfo(DATABASE, role=SEALED), autocommit=True) as session:
        yield session


def columns(application: psycopg.Connection) -> dict[str, set[str]]:
    """Return the columns of each table."""
    found: dict[str, set[str]] = {}
    for table, column in application.execute(
        """SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
           WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND NOT attisdropped"""
    ):
        found.setdefault(table, set()).add(column)
    return found


def allowed(application: psycopg.Connection, statement: LiteralString, *names: str) -> bool:
    """Try a statement about some names, and return whether the database would execute it."""
    composed = sql.SQL(statement).format(*map(sql.Identifier, names))
    try:
        with application.transaction(force_rollback=True):
            application.execute("SET LOCAL pgtrigger.ignore = '{}'")  # anybody may switch these triggers off
            application.execute(composed)
    except InsufficientPrivilege:
        return False
    return True


@pytest.mark.parametrize("statement", DDL)
def test_it_can_neither_change_tables_nor_its_own_rights(application: psycopg.Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement.encode())


def test_it_can_truncate_no_table(application: psycopg.Connection) -> None:
    tables = columns(application)

    assert [table for table in tables if allowed(application, "TRUNCATE {} CASCADE", table)] == []
    assert len(tables) > 40


def test_it_can_delete_no_row_that_is_kept_for_ever(application: psycopg.Connection) -> None:
    refused = {table for table in columns(application) if not allowed(application, "DELETE FROM {}", table)}

    assert refused == NEVER_DELETED | {"django_migrations"}


def test_it_can_update_only_what_may_change(application: psycopg.Connection) -> None:
    fixed = {
        table: {
            name for name in names if not allowed(application, "UPDATE {} SET {} = DEFAULT WHERE false", table, name)
        }
        for table, names in columns(application).items()
    }

    tables = columns(application)
    # A picture is deleted and replaced by another.
    never_changed = NEVER_CHANGED | {"django_migrations", "logistics_picture"}
    assert {table for table, names in fixed.items() if names == tables[table]} == never_changed
    assert {table: tables[table] - fixed[table] for table in ONLY_THESE_CHANGE} == ONLY_THESE_CHANGE
    assert {table: FROZEN[table] - fixed[table] for table in FROZEN} == {table: set() for table in FROZEN}
    assert {table for table, names in fixed.items() if names} == {
        *never_changed,
        *ONLY_THESE_CHANGE,
        *FROZEN,
    }


@pytest.mark.django_db
def test_it_can_store_the_ciphertext_of_a_refused_text_once_and_no_other(sealed: psycopg.Connection) -> None:
    partner, pk = make_partner(), uuid7()
    RefusedText.objects.create(partner=partner, digest=b"", sealed_id=pk)
    keep = "SELECT public.keep_refused_text(%s, %s, 'key')"

    with connection.cursor() as application:
        application.execute("SELECT current_user")
        assert application.fetchone() == (APPLICATION,)
        application.execute(keep, [pk, b"first"])
        with pytest.raises(IntegrityError, match="ciphertext_pkey"), transaction.atomic():
            application.execute(keep, [pk, b"second"])
        with pytest.raises(ProgrammingError, match="no refused text has this id"), transaction.atomic():
            application.execute(keep, [uuid7(), b"of nothing"])
        for statement in (each for each in OF_SEALED if not each.startswith("SET ")):  # the session is a superuser's
            with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
                application.execute(statement)
    with pytest.raises(InsufficientPrivilege):
        sealed.execute("SELECT public.keep_refused_text(%s, %s, 'key')", [pk, b""])


@pytest.mark.parametrize("statement", OF_SEALED)
def test_it_has_no_access_to_sealed_addresses(application: psycopg.Connection, statement: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        application.execute(statement.encode())


def test_the_role_of_sealed_addresses_reads_no_other_table_and_changes_no_rule(
    application: psycopg.Connection, sealed: psycopg.Connection
) -> None:
    tables = columns(application)
    ddl = ["TRUNCATE sealed.ciphertext", "ALTER TABLE sealed.ciphertext ADD COLUMN another int", "SET ROLE relief_app"]

    assert [table for table in tables if allowed(sealed, "SELECT FROM {}", table)] == []
    assert [table for table in tables if allowed(sealed, "INSERT INTO {} DEFAULT VALUES", table)] == []
    for statement in [*(each for each in DDL if "relief_owner" in each or each.startswith("CREATE")), *ddl]:
        with pytest.raises(InsufficientPrivilege):
            sealed.execute(statement.encode())
    names = ("id", "content", "key_id", "created_at")
    changed = [name for name in names if allowed(sealed, "UPDATE sealed.ciphertext SET {0} = {0}", name)]
    assert changed == ["content", "key_id"]
    assert sealed.execute("SELECT id FROM sealed.ciphertext").fetchall() == []


def test_migrate_refuses_two_urls_that_do_not_belong_together(settings: Any) -> None:
    application = connection.settings_dict
    for change, refusal in [({"NAME": "another", "USER": OWNER}, "two databases"), ({}, "the same role")]:
        settings.OWNER_DATABASE = application | change

        with pytest.raises(CommandError, match=refusal):
            call_command("migrate")


def test_migrate_refuses_to_let_the_application_or_the_owner_read_sealed_addresses(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OWNER_DATABASE = connection.settings_dict | {"USER": OWNER}
    for user in (connection.settings_dict["USER"], OWNER):
        monkeypatch.setitem(connections["sealed"].settings_dict, "USER", user)

        with pytest.raises(CommandError, match="SEALED_DATABASE_URL must name a role of its own"):
            call_command("migrate")
