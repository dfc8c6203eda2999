"""Stripe's way of saying no."""

from typing import Any

Json = dict[str, Any]


class StripeRefusal(Exception):
    """An answer of Stripe's that is an error. `saved`: would Stripe replay it for the same idempotency key?"""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = True,
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.kind = message, status, kind
        self.code, self.param, self.saved = code, param, saved

    def body(self) -> Json:
        """Return what goes over the wire: {"error": {...}}."""
        error: Json = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://docs.stripe.com/error-codes/" + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        return {"error": error}


def missing(kind: str, object_id: str, param: str = "id") -> StripeRefusal:
    """Say that there is no such object; 404, as for an id in the path."""
    name = {"checkout.session": "checkout.session", "payment_intent": "payment_intent"}.get(
        kind, kind.replace(".", " ")
    )
    return StripeRefusal(f"No such {name}: '{object_id}'", status=404, code="resource_missing", param=param)
