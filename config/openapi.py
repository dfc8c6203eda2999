"""How endpoints describe themselves: errors and the Idempotency-Key are added here, once for all."""

from typing import Any

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers


class FieldErrorSerializer(serializers.Serializer[Any]):
    field = serializers.CharField(help_text="Path of the field, e.g. `lines[2].quantity`; empty: the whole body.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """Any error (RFC 9457). `code` never changes; `detail` says what to do. Further members depend on the code."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    errors = FieldErrorSerializer(many=True, required=False, help_text="Only for `invalid_input`.")


def _example(status: int, code: str, detail: str, **extra: Any) -> OpenApiExample:
    body = {"type": f"urn:relief:problem:{code}", "title": code.replace("_", " ").capitalize(), "status": status}
    return OpenApiExample(
        code, value={**body, "code": code, "detail": detail, **extra}, response_only=True, status_codes=[str(status)]
    )


INVALID = _example(
    400,
    "invalid_input",
    "Some fields are missing or wrong; nothing was changed. Correct them and send again.",
    errors=[{"field": "amount", "code": "required", "detail": "This field is required."}],
)
ERRORS = {
    "400": ("The input is wrong; `errors` names the fields.", INVALID),
    "401": (
        "Nobody is signed in.",
        _example(401, "not_authenticated", "Send an API key: `Authorization: Bearer <key>`, or sign in."),
    ),
    "403": (
        "You may not do this.",
        _example(403, "permission_denied", "You do not have permission to perform this action."),
    ),
    "404": (
        "Not there, or not yours.",
        _example(404, "not_found", "There is nothing here that you may see. Check the address."),
    ),
    "409": (
        "A rule refuses this now; `code` names the rule.",
        _example(409, "wrong_state", "A shipment that is draft cannot become dispatched."),
    ),
    "412": (
        "Somebody else changed it since you read it.",
        _example(412, "stale", "This was changed since you read it (version 4, you sent 3). Read it again."),
    ),
    "422": (
        "The Idempotency-Key was used for another body.",
        _example(422, "idempotency_key_reused", "This Idempotency-Key was used with another body. Send a new key."),
    ),
    "429": (
        "Too many requests.",
        _example(429, "throttled", "Request was throttled. Expected available in 12 seconds.", retry_after_s=12),
    ),
}


class AutoSchema(SpectacularAutoSchema):
    """Adds to each operation the errors that it can give and the headers that it reads."""

    def _is_idempotent(self) -> bool:
        handler = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return bool(getattr(handler, "takes_idempotency_key", False))

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self._is_idempotent():
            parameters.append(
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    required=True,
                    description="A UUID of your own for this write; send it again with each retry, also weeks later.",
                )
            )
        return parameters

    def _errors_expected(self) -> list[str]:
        codes = ["429"]
        if self.method != "GET" or self._is_list_view():
            codes.append("400")
        if self.view.permission_classes and not getattr(self.view.permission_classes[0], "open_to_all", False):
            codes += ["401", "403"]
        if "{" in self.path:
            codes.append("404")
        if self.method in ("POST", "PUT", "PATCH", "DELETE"):
            codes.append("409")
        if self.method in ("PUT", "PATCH"):
            codes.append("412")
        if self._is_idempotent():
            codes.append("422")
        return sorted(codes)

    def _get_response_bodies(self, direction: str = "response") -> dict[str, Any]:
        responses = super()._get_response_bodies(direction)
        for code in self._errors_expected():
            if code not in responses:
                description, example = ERRORS[code]
                described = OpenApiResponse(ProblemSerializer, description=description, examples=[example])
                responses[code] = self._get_response_for_code(
                    described, code, media_types=["application/problem+json"], direction=direction
                )
        return responses
