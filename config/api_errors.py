"""Writes docs/api-errors.md, the page of all error codes: `python -m config.api_errors`.

What a code means is the docstring of its class. What to do about it, and the codes of invalid input, are here.
"""

import inspect
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import django

from logistics.documents.outcomes import PaperRefused
from logistics.errors import DomainError

PAGE = Path(__file__).resolve().parent.parent / "docs" / "api-errors.md"
INTRODUCTION = """# Error codes

Written by `python -m config.api_errors` from the code; a test compares the two. Do not edit it by hand.

Each error is `application/problem+json` (RFC 9457). Programs should branch on `code`, which never changes. `detail`
tells a person what to do, in English or French (`Accept-Language`). Nothing was changed
unless the table says otherwise.

```json
{
  "type": "urn:relief:problem:wrong_state",
  "title": "Wrong state",
  "status": 409,
  "code": "wrong_state",
  "detail": "A shipment that is draft cannot become dispatched."
}
```

The same codes stand in `allowed_actions[].code`, which says in advance why an action is refused.
"""
# Code -> what the caller does about it.
WHAT_TO_DO = {
    "already_paid": "Show the gift's status. Do not start another payment.",
    "amount_not_chargeable": "Ask for another amount; `detail` names the limit.",
    "appeal_closed": "Offer another appeal: `GET /api/v1/appeals/`.",
    "appeal_has_gifts": "Set the closing date of the appeal instead.",
    "bad_signature": "Check the webhook secret in `STRIPE_WEBHOOK_SECRETS` and the server's clock.",
    "cannot_replace": "List the papers again and name a valid one.",
    "cannot_reverse": "Reverse the later confirmations first, newest first; leave one that is reversed already.",
    "charity_not_set_up": "Finance enters the charity, in the admin or by `PUT /api/v1/charity/`.",
    "checker_is_packer": "Have a second person check.",
    "client_id_reused": "Send a new `client_id` with a new confirmation.",
    "document_not_ready": "Ask again after `Retry-After`. If printing failed, staff retry the document.",
    "email_taken": "Use another address, or edit the user who has it.",
    "idempotency_key_missing": "Send `Idempotency-Key: <UUID>`; keep it for each repetition of this request.",
    "idempotency_key_reused": "Send a new key with a new request, or the same body with the same key.",
    "import_running": "Wait as long as `Retry-After` says, then repeat.",
    "invalid_input": "Correct the fields that `errors` names and send again.",
    "link_worthless": "Ask for a new link at `/my-gifts/`.",
    "manifest_frozen": "Reopen the shipment first. After dispatch the manifest cannot change.",
    "no_address": "A coordinator enters it: `PUT /api/v1/sites/{id}/address/`.",
    "no_free_code": "Repeat the same request after `Retry-After`. If it happens again, tell the administrator.",
    "no_receipt": "Look at the gift's status; there is a receipt once the gift is received.",
    "not_ready": "Correct what `problems` lists.",
    "not_sealed": "Seal the shipment first.",
    "not_unique": "Choose another value, or use the row that has it.",
    "nothing_to_confirm": "Read the shipment. If the count was wrong, reverse a confirmation and send a new one.",
    "paper_not_issued": "Issue the paper first, or check its kind and number.",
    "partner_not_approved": "A coordinator approves the partner.",
    "payment_object_missing": "Check that the keys belong to the Stripe account that took the payment.",
    "payment_provider_misconfigured": "Staff check the Stripe key and account; the log says what Stripe refused.",
    "payment_provider_unavailable": "Repeat with the same `Idempotency-Key`: nobody pays twice.",
    "payment_refused": "Check amount and currency; `provider_code` and `param` are Stripe's.",
    "permission_denied": "Use an account or key with a role that may do this; the API's description names the roles.",
    "receipt_blocked": "Enter what `missing` names, then issue the missing receipt.",
    "seal_missing": "Enter the number of the container's seal.",
    "stale": "Read the row again and repeat the change on the new version.",
    "still_running": "Wait as long as `Retry-After` says and repeat with the same key.",
    "too_large": "Send a smaller file or body.",
    "too_many_gifts": "Wait an hour. Staff may raise `GIVE_PER_ADDRESS`, `GIVE_PER_EMAIL` or `GIVE_PER_HOUR`.",
    "too_many_keys": "Revoke a key first, or replace one of the same name.",
    "unresolved": "Confirm the remaining lines and close the open discrepancies.",
    "version_missing": 'Send `If-Match: "3"`, or `version` in the body.',
    "wrong_state": "Read `allowed_actions`.",
}
# Codes of errors that have no class of ours: status, meaning, what to do.
OTHERS = {
    "bad_key": (401, "The API key is unknown, expired or revoked.", "Ask your coordinator for a new key."),
    "bad_request": (400, "The request cannot be read.", "Check the address, the headers and the encoding."),
    "bug": (500, "Something failed on our side.", "Report `request_id`. Repeating with the same key is safe."),
    "csrf_failed": (403, "A form or a signed-in browser sent no valid CSRF token.", "Reload the page; allow cookies."),
    "locked_out": (429, "Too many failed sign-in attempts.", "Wait 15 minutes."),
    "method_not_allowed": (405, "The address does not take this method.", "Look up the address in the description."),
    "not_acceptable": (406, "There is no answer in the wanted format.", "Accept `application/json`."),
    "not_authenticated": (401, "Nobody is signed in.", "Send `Authorization: Bearer <key>`, or sign in."),
    "not_found": (404, "There is nothing here, or you may not see it.", "Check the address."),
    "parse_error": (400, "The body is not valid JSON.", "Check its syntax; encode it in UTF-8."),
    "throttled": (429, "Too many requests.", "Wait as long as `retry_after_s` says."),
    "unsupported_media_type": (415, "The body has the wrong type.", "Send the type that the description names."),
}
# Codes in `errors[].code` of `invalid_input`.
INPUT = {
    "amount_too_small": "The amount is below the minimum.",
    "amount_unclear": "The text may mean several amounts; `readings` lists them in minor units.",
    "amount_zero": "The amount must be more than zero.",
    "another_currency": "The text names another currency than the one chosen.",
    "bad_check_digit": "The check digit is wrong: one character was mistyped.",
    "blank": "The text is empty.",
    "closes_before_it_opens": "The closing date is before the opening date.",
    "conflicting_un_number": "The line names another UN number than the catalogue.",
    "contradiction": "Two statements exclude each other, such as damaged and surplus on one line.",
    "currency_not_accepted": "The charity takes no gifts in this currency.",
    "date": "A moment was sent where a day is wanted.",
    "datetime": "A day was sent where a moment is wanted.",
    "does_not_exist": "The row that the field names does not exist, or is not yours.",
    "empty": "The list or file is empty.",
    "foreign_site": "The site is not one of this shipment or partner.",
    "in_the_future": "The time has not come yet: check the clock.",
    "in_use": "Something else needs it, so it cannot be removed.",
    "incomplete": "Some of several fields that go together are missing.",
    "incorrect_type": "The value has the wrong JSON type.",
    "invalid": "The value is wrong; `detail` says why.",
    "invalid_choice": "The value is none of the listed ones.",
    "make_aware": "The moment needs an offset, such as `Z` or `+08:00`.",
    "max_decimal_places": "Too many decimals.",
    "max_digits": "Too many digits.",
    "max_length": "The text is too long.",
    "max_string_length": "The number is written with too many characters.",
    "max_value": "The number is too large.",
    "max_whole_digits": "Too many digits before the point.",
    "min_length": "The text or list is too short.",
    "min_value": "The number is too small.",
    "named_twice": "The line is named twice.",
    "names_the_place": "The text repeats a part of a confidential address.",
    "not_a_list": "A list is wanted.",
    "not_an_amount": 'Write amounts as a decimal string: "500.50".',
    "not_approved": "The partner is not approved.",
    "not_printable": "Papers cannot print a character of this text.",
    "not_unique": "Another row has this value.",
    "null": "The value must not be null.",
    "null_characters_not_allowed": "The text has a NUL character.",
    "read_only": "Only we set this field: leave it out.",
    "required": "The field is missing.",
    "says_nothing": "The exception says neither good, damaged, missing nor surplus.",
    "too_large": "The number is larger than any that is accepted.",
    "too_long_ago": "The day is too long ago.",
    "too_many": "More pieces than the line has left.",
    "too_many_decimals": "More decimals than the currency or the field has.",
    "unknown_appeal": "There is no such appeal.",
    "unknown_code": "The code is not in the published list.",
    "unknown_country": "Not an ISO 3166-1 country code.",
    "unknown_currency": "Not a currency code of ISO 4217.",
    "unknown_language": "Only `en` and `fr` are known.",
    "unknown_name": "There is no field or parameter of this name; `detail` offers the nearest one.",
    "unknown_time_zone": "Not a name of the time zone database, such as `Asia/Hong_Kong`.",
}


def main() -> None:
    """Write the page."""
    PAGE.write_text(text(), encoding="utf-8")


def text() -> str:
    """Return the page. Raises KeyError for a class whose code nobody has said what to do about."""
    refusals: dict[str, tuple[object, ...]] = {}
    papers: dict[str, tuple[object, ...]] = {}
    for code, error in by_code().items():
        if issubclass(error, PaperRefused):
            papers[code] = (_meaning(error),)
        else:
            refusals[code] = (error.status, _meaning(error), WHAT_TO_DO[code])
    return "\n".join(
        [
            INTRODUCTION,
            "## Errors\n",
            *_table(("code", "status", "meaning", "what to do"), refusals | OTHERS),
            "\n## Invalid input: `errors[].code`\n",
            "With `invalid_input`, `errors` gives for each wrong field its path, a code and a sentence.\n",
            *_table(("code", "meaning"), {code: (meaning,) for code, meaning in INPUT.items()}),
            "\n## Failed papers: `last_error_code` of a document\n",
            "A document that cannot be printed is dead, and its row says why. No request gets these codes.\n",
            *_table(("code", "meaning"), papers),
            "",
        ]
    )


def _table(head: tuple[str, ...], rows: dict[str, tuple[object, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for code, cells in sorted(rows.items()):
        yield f"| `{code}` | {' | '.join(str(cell) for cell in cells)} |"


def by_code() -> dict[str, type[DomainError]]:
    """Return the class of each code; of several with one code, the first that was derived."""
    import_module("config.urls")  # loads every door, and with it every refusal
    found: dict[str, type[DomainError]] = {}
    for error in subclasses(DomainError):
        found.setdefault(error.code, error)
    return found


def subclasses(of: type[DomainError]) -> Iterator[type[DomainError]]:
    """Yield the product's refusals, those above before those derived from them."""
    for error in of.__subclasses__():
        if not error.__module__.startswith("tests."):
            yield error
            yield from subclasses(error)


def _meaning(error: type[DomainError]) -> str:
    return " ".join(inspect.cleandoc(error.__doc__ or "").split())


if __name__ == "__main__":
    # Nothing is asked of a database or a broker; the settings only want some.
    for name in ("SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"):
        os.environ.setdefault(name, "unused")
    os.environ.setdefault("DATABASE_URL", "postgres://unused/unused")
    os.environ.setdefault("REDIS_URL", "redis://unused")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    main()
