"""What staff may see and change in the admin, by role. Each app declares it for its own models, in its apps.py."""

from collections.abc import Collection

from logistics.roles import Role

ALL_MODELS = "*"

_changes: dict[Role, set[str]] = {}
_readers: dict[str, frozenset[Role]] = {}


def allow_change(role: Role, *labels: str) -> None:
    """Let a role add and change rows of these models, written "app.model" or "app.*"."""
    _changes.setdefault(role, set()).update(labels)


def restrict_reading(label: str, *roles: Role) -> None:
    """Hide a model from all staff but these roles, because it holds personal data. All staff see other models."""
    _readers[label] = frozenset(roles)


def may(roles: Collection[Role], permission: str) -> bool:
    """Return whether staff with these roles have an admin permission, such as `shipments.change_shipment`."""
    app, _, codename = permission.partition(".")
    verb, _, model = codename.partition("_")
    label = f"{app}.{model}"
    held = {*roles}
    if label in _readers and not held & _readers[label]:
        return False
    if verb == "view":
        return True
    return any({label, f"{app}.{ALL_MODELS}"} & _changes.get(role, set()) for role in held)
