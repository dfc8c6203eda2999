"""OpenAPI generation: adds roles, errors, idempotency keys and versions to every operation."""

import inspect
from typing import Any, Literal

from drf_spectacular.drainage import get_override
from drf_spectacular.openapi import AutoSchema as SpectacularAutoSchema
from drf_spectacular.plumbing import ComponentRegistry, get_lib_doc_excludes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from config.api import PROBLEM_JSON
from logistics.errors import DomainError, Stale
from logistics.idempotency.api import StillRunning
from logistics.inputs import Input, KnownFields
from logistics.outputs import Output
from logistics.permissions import READS
from logistics.versions import VersionMissing
from logistics.views import StrictView, handler_of, takes_no_body

Described = dict[str, Any]  # a part of an OpenAPI document


class FieldErrorOut(serializers.Serializer[object]):
    field = serializers.CharField(help_text="Path of the field, e.g. `lines[2].quantity`; empty for the whole body.")
    code = serializers.CharField()
    detail = serializers.CharField()


class ProblemOut(serializers.Serializer[object]):
    """Any error (RFC 9457). `code` never changes; `detail` says what to do. Further members depend on the code."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    # DRF has a property of this name, but for input only.
    errors = FieldErrorOut(  # type: ignore[assignment]
        many=True, required=False, help_text="Only for `invalid_input`."
    )


def _problem(description: str, status: int, code: str, detail: str, **extra: object) -> OpenApiResponse:
    body = {
        "type": f"urn:relief:problem:{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        **extra,
    }
    example = OpenApiExample(code, value=body, response_only=True, status_codes=[str(status)], media_type=PROBLEM_JSON)
    return OpenApiResponse(ProblemOut, description=description, examples=[example])


ERRORS = {
    "400": _problem(
        "The input is wrong; `errors` names the fields.",
        400,
        "invalid_input",
        "Some fields are missing or wrong; nothing was changed. Correct them and send again.",
        errors=[{"field": "amount", "code": "required", "detail": "This field is required."}],
    ),
    "401": _problem(
        "Not signed in.",
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
        "Not there, or not yours.", 404, "not_found", "There is nothing here, or you may not see it. Check the address."
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


def _refusal(error: type[DomainError]) -> OpenApiResponse:
    """Describe an error by its class's docstring, unless ERRORS has a better description."""
    status = str(error.status)
    if status in ERRORS and ERRORS[status].examples[0].value["code"] == error.code:
        return ERRORS[status]
    words = inspect.cleandoc(error.__doc__ or "").splitlines()[0]
    return _problem(f"`{error.code}`: {words}", error.status, error.code, words, **error.example)


def _either(one: OpenApiResponse, other: OpenApiResponse) -> OpenApiResponse:
    """Describe one status that has two causes."""
    if one is other:
        return one
    return OpenApiResponse(
        ProblemOut,
        description=f"{one.description}\n\n{other.description}",
        examples=[*one.examples, *other.examples],
    )


IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A UUID that you choose for this write; send the same one with each retry, even weeks later.",
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    description='The version that you read, e.g. `"3"`. Required unless the body has `version`.',
)
RETRY_AFTER = "Seconds until it is worth trying again."
WRITES = ("POST", "PUT", "PATCH", "DELETE")


class AutoSchema(SpectacularAutoSchema):
    """Add to each operation the roles that may call it, the headers that it reads and the errors that it may return."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Described | None:
        operation: Described | None = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation:
            operation["description"] = f"{operation.get('description', '')}\n\n{self._who()}".strip()
        return operation

    def get_summary(self) -> str:
        """Return the view's own summary, or else "List gifts", "Show gifts" or the action's name."""
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

    def get_auth(self) -> list[Described]:
        return [{}] if self._is_public() else super().get_auth()

    def _handler(self) -> object:
        return handler_of(self.view, self.method)

    def get_request_serializer(self) -> Any:
        return None if takes_no_body(self.view, self.method) else super().get_request_serializer()

    def _is_idempotent(self) -> bool:
        return bool(getattr(self._handler(), "takes_idempotency_key", False))

    def _own_refusals(self) -> list[type[DomainError]]:
        """Return the errors that the method is marked with (`may_raise`), and those implied by its kind."""
        own = [*getattr(self._handler(), "may_raise", ())]
        if self.method == "PATCH":
            own += [Stale, VersionMissing]
        if self._is_idempotent():
            own.append(StillRunning)
        return list(dict.fromkeys(own))

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        own = self._own_refusals()
        if self._is_idempotent():
            parameters.append(IDEMPOTENCY_KEY)
        if VersionMissing in own:
            parameters.append(IF_MATCH)
        waits = sorted({"429", *(str(error.status) for error in own if "Retry-After" in error.headers)})
        header = OpenApiParameter("Retry-After", int, OpenApiParameter.HEADER, response=waits, description=RETRY_AFTER)
        return [*parameters, header]

    def _get_paginator(self) -> object:
        # Answers to writes are not paginated.
        return super()._get_paginator() if self.method == "GET" else None

    def _get_examples(
        self,
        serializer: object,
        direction: str,
        media_type: str,
        status_code: object = None,
        extras: list[OpenApiExample] | None = None,
    ) -> object:
        """Return the operation's examples for this direction, or else those of its serializer."""
        is_success = direction == "request" or str(status_code).startswith("2")
        if media_type == "application/json" and is_success:
            other = "response_only" if direction == "request" else "request_only"
            own = [example for example in self.get_examples() if not getattr(example, other)]
            shape = getattr(serializer, "child", serializer)
            extras = [*(extras or []), *(own or get_override(shape, "examples", []))]
        return super()._get_examples(serializer, direction, media_type, status_code, extras)

    def _errors_expected(self) -> dict[str, OpenApiResponse]:
        codes = {"400", "429"}  # 400 also for parameters that are not known
        if not self._is_public():
            codes |= {"401", "403"}
        if "{" in self.path or (self._is_list_view() and getattr(self.view, "pagination_class", None)):
            codes.add("404")  # also for a cursor that is of another list, or made up
        if len(self.map_renderers("format")) > 1:
            codes.add("404")  # for a `format` that the answer does not have
        if self.method in WRITES:
            codes.add("409")
        if self._is_idempotent():
            codes.add("422")
        expected = {code: ERRORS[code] for code in codes}
        for error in self._own_refusals():
            code = str(error.status)
            answer = _refusal(error)
            expected[code] = _either(expected[code], answer) if code in expected else answer
        return dict(sorted(expected.items()))

    def _get_response_bodies(self, direction: Literal["request", "response"] = "response") -> Described:
        responses: Described = super()._get_response_bodies(direction)
        for code, answer in self._errors_expected().items():
            if code not in responses:
                responses[code] = self._get_response_for_code(
                    answer, code, media_types=[PROBLEM_JSON], direction=direction
                )
                if any(renderer.media_type == "text/html" for renderer in self.view.get_renderers()):
                    responses[code]["content"]["text/html"] = {"schema": {"type": "string"}}
        return responses


def undescribed_classes() -> list[type]:
    """Return the base classes whose docstrings are for developers: serializers without one must not inherit theirs."""
    return [*get_lib_doc_excludes(), Output, Input, KnownFields, StrictView]


def without_impossible_defaults(result: object, **_: object) -> object:
    """Drop the default "" of a field that refuses "": it means "optional", which `required` says already."""
    if isinstance(result, dict):
        if result.get("default") == "" and result.get("minLength"):
            del result["default"]
        for value in result.values():
            without_impossible_defaults(value)
    elif isinstance(result, list):
        for value in result:
            without_impossible_defaults(value)
    return result


def with_shared_errors(result: Described, **_: object) -> Described:
    """Move each kind of error to the components, as most endpoints have most of them."""
    answers = [
        (operation["responses"], status)
        for methods in result["paths"].values()
        for operation in methods.values()
        for status in operation["responses"]
        if PROBLEM_JSON in operation["responses"][status].get("content", {})
    ]
    shared: Described = {}
    for responses, status in answers:
        name = _name_of_error(responses[status])
        if shared.setdefault(name, responses[status]) != responses[status]:
            raise ValueError(f"Two different errors are both described as {name}.")
        responses[status] = {"$ref": f"#/components/responses/{name}"}
    result["components"]["responses"] = dict(sorted(shared.items()))
    return result


def _name_of_error(answer: Described) -> str:
    """Return "Stale", or "WrongState-StillRunning-Wait" for an answer with two causes and a Retry-After header."""
    examples = answer["content"][PROBLEM_JSON]["examples"].values()
    words = [example["value"]["code"].title().replace("_", "") for example in examples]
    is_page = "text/html" in answer["content"]
    return "-".join([*words, *(["Wait"] if answer.get("headers") else []), *(["Page"] if is_page else [])])
