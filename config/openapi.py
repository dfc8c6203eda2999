"""How endpoints describe themselves: who may call, errors, keys and versions are added here, once for all."""

from typing import Any, Literal

from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from config.api import PROBLEM_JSON
from logistics.people.permissions import READS


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
    # DRF's own property of this name is for the other direction.
    errors = FieldErrorSerializer(  # type: ignore[assignment]
        many=True, required=False, help_text="Only for `invalid_input`."
    )


def _problem(description: str, status: int, code: str, detail: str, **extra: Any) -> OpenApiResponse:
    body = {
        "type": f"urn:relief:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    example = OpenApiExample(code, value=body, response_only=True, status_codes=[str(status)], media_type=PROBLEM_JSON)
    return OpenApiResponse(ProblemSerializer, description=description, examples=[example])


ERRORS = {
    "400": _problem(
        "The input is wrong; `errors` names the fields.",
        400,
        "invalid_input",
        "Some fields are missing or wrong; nothing was changed. Correct them and send again.",
        errors=[{"field": "amount", "code": "required", "detail": "This field is required."}],
    ),
    "401": _problem(
        "Nobody is signed in.",
        401,
        "not_authenticated",
        "Send an API key: `Authorization: Bearer <key>`, or sign in.",
    ),
    "403": _problem(
        "Your role may not do this.",
        403,
        "permission_denied",
        "You do not have permission to perform this action.",
    ),
    "404": _problem(
        "Not there, or not yours.", 404, "not_found", "There is nothing here that you may see. Check the address."
    ),
    "409": _problem(
        "A rule refuses this now; `code` names the rule.",
        409,
        "wrong_state",
        "A shipment that is draft cannot become dispatched.",
    ),
    "412": _problem(
        "Somebody else changed it since you read it.",
        412,
        "stale",
        "This was changed since you read it (version 4, you sent 3). Read it again and repeat your change.",
        version=4,
    ),
    "422": _problem(
        "The Idempotency-Key was used for another request.",
        422,
        "idempotency_key_reused",
        "This Idempotency-Key was used for another request. Send a new key with a new request, or the same body with"
        " the same key.",
    ),
    "428": _problem(
        "The version that you read is missing.",
        428,
        "version_missing",
        'Send the version that you read, as `If-Match: "3"` or as `version` in the body.',
    ),
    "429": _problem(
        "Too many requests.",
        429,
        "throttled",
        "Request was throttled. Expected available in 12 seconds.",
        retry_after_s=12,
    ),
}
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A UUID of your own for this write; send it again with each retry, also weeks later.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The version that you read, e.g. `"3"`. Needed unless `version` stands in the body.',
)
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class AutoSchema(SpectacularAutoSchema):
    """Adds to each operation who may call it, the headers that it reads and the errors that it can give."""

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation:
            operation["description"] = f"{operation.get('description', '')}\n\n{self._who()}".strip()
        return operation

    def get_summary(self) -> str:
        """Return "List gifts", "Show gifts", or what the action is called, where the view does not say it better."""
        action = getattr(self.view, "action", None) or {"get": "show"}.get(self.method.lower(), self.method.lower())
        verb = {"list": "List", "retrieve": "Show", "create": "Add", "partial_update": "Change", "destroy": "Remove"}
        if action in verb or action == "show":
            return super().get_summary() or f"{verb.get(action, 'Show')} {self.get_tags()[0].replace('-', ' ')}"
        return super().get_summary() or action.replace("_", " ").capitalize()

    def _who(self) -> str:
        if self._is_public():
            return "*Open to everybody.*"
        side = "reading_roles" if self.method in READS else "allowed_roles"
        roles = {role for permission in self.view.get_permissions() for role in getattr(permission, side, ())}
        return f"*Roles: {', '.join(sorted(roles))}.*"

    def _is_public(self) -> bool:
        return all(self.method in getattr(permission, "open_to_all", ()) for permission in self.view.get_permissions())

    def get_auth(self) -> list[dict[str, Any]]:
        return [{}] if self._is_public() else super().get_auth()

    def _is_idempotent(self) -> bool:
        handler = getattr(self.view, getattr(self.view, "action", None) or self.method.lower(), None)
        return bool(getattr(handler, "takes_idempotency_key", False))

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if self._is_idempotent():
            parameters.append(IDEMPOTENCY_KEY)
        if self.method == "PATCH":
            parameters.append(IF_MATCH)
        return parameters

    def _errors_expected(self) -> list[str]:
        codes = {"429"}
        if self.method in WRITES or self._is_list_view():
            codes.add("400")
        if not self._is_public():
            codes |= {"401", "403"}
        if "{" in self.path:
            codes.add("404")
        if self.method in WRITES:
            codes.add("409")
        if self.method == "PATCH":
            codes |= {"412", "428"}
        if self._is_idempotent():
            codes.add("422")
        return sorted(codes)

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        for code in self._errors_expected():
            if code not in responses:
                responses[code] = self._get_response_for_code(
                    ERRORS[code], code, media_types=[PROBLEM_JSON], direction=direction
                )
        return responses


def without_impossible_defaults(result: Any, **_: Any) -> Any:
    """Leave out the default "" of a field that refuses "": it means "may be missing", which `required` says already."""
    if isinstance(result, dict):
        if result.get("default") == "" and result.get("minLength"):
            del result["default"]
        for value in result.values():
            without_impossible_defaults(value)
    elif isinstance(result, list):
        for value in result:
            without_impossible_defaults(value)
    return result
