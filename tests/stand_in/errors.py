"""Stripe's error responses."""

from typing import Any

Json = dict[str, Any]


class StripeRefusal(Exception):
    """An error response. `saved`: whether Stripe would replay it for the same idempotency key."""

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
        """Return the response body: {"error": {...}}."""
        error: Json = {"message": self.message, "type": self.kind}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://docs.stripe.com/error-codes/" + self.code.replace("_", "-")
        if self.param:
            error["param"] = self.param
        return {"error": error}


def missing(kind: str, object_id: str, param: str = "id") -> StripeRefusal:
    """Return the error for a missing object; 404, as for an id in the path."""
    name = {"checkout.session": "checkout.session", "payment_intent": "payment_intent"}.get(
        kind, kind.replace(".", " ")
    )
    return StripeRefusal(f"No such {name}: '{object_id}'", status=404, code="resource_missing", param=param)
