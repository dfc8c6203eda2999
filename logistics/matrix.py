"""Who may do what: role x noun x verb x group of fields. The API, the admin and docs/roles.md all read it here.

Each app declares its nouns in its `rights.py`. What is not declared is closed to everybody but superusers.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from django.db.models import Model

from logistics.roles import Role

VIEW, CHANGE, ADD = "view", "change", "add"


@dataclass(frozen=True)
class Hidden:
    """A group of fields, such as contact details, that only some of those who see the rows may see."""

    group: str
    fields: tuple[str, ...]
    roles: frozenset[Role]


@dataclass(frozen=True)
class Noun:
    """The rights on the rows of one model, "app.model"."""

    label: str
    verbs: Mapping[str, frozenset[Role]]
    public: frozenset[str]  # verbs that are open to everybody over the API
    hidden: tuple[Hidden, ...] = field(default=())

    def roles(self, verb: str) -> frozenset[Role]:
        return self.verbs[verb]


_nouns: dict[str, Noun] = {}


def declare(
    label: str,
    *,
    view: Collection[Role],
    change: Collection[Role] = (),
    public: Collection[str] = (),
    hidden: Collection[Hidden] = (),
    **verbs: Collection[Role],
) -> Noun:
    """Declare the rights on a model. `change` is adding, changing and acting; other verbs are named.

    Partners see and change only rows of their own; mails also depend on their kind (logistics.mail.readers).
    """
    named = {VIEW: view, CHANGE: change} | verbs
    noun = Noun(label, {verb: frozenset(roles) for verb, roles in named.items()}, frozenset(public), tuple(hidden))
    for group in noun.hidden:
        assert noun.roles(CHANGE) <= group.roles, f"{label}: who changes rows must see them whole"
    _nouns[label] = noun
    return noun


def roles_that_change(model: type[Model]) -> frozenset[Role]:
    """Return the roles that may change rows of a model; none if no app declared it."""
    noun = _nouns.get(model._meta.label_lower)
    return noun.roles(CHANGE) if noun else frozenset()


def contact_details(*fields: str, seen_by: Collection[Role]) -> Hidden:
    """Return the group of the fields by which a person can be reached."""
    return Hidden("contact details", fields, frozenset(seen_by))


def nouns() -> Iterator[Noun]:
    """Yield all nouns, by label."""
    return iter(sorted(_nouns.values(), key=lambda noun: noun.label))


def may(roles: Collection[Role], permission: str) -> bool:
    """Return whether these roles have an admin permission, such as `shipments.change_shipment`."""
    app, _, codename = permission.partition(".")
    verb, _, model = codename.partition("_")
    noun = _nouns.get(f"{app}.{model}")
    return noun is not None and bool(noun.roles(VIEW if verb == VIEW else CHANGE) & set(roles))


def hidden_from(user: object, model: type[Model]) -> set[str]:
    """Return the fields of a model that this user may not see; of the public, all that are hidden from anybody."""
    noun = _nouns.get(model._meta.label_lower)
    has_role = getattr(user, "has_role", lambda *roles: False)
    return {name for group in (noun.hidden if noun else ()) if not has_role(*group.roles) for name in group.fields}


def is_hidden(user: object, model: type[Model], path: str) -> bool:
    """Return whether a path of fields, such as `donor__email` or `^name`, leads to one that this user may not see."""
    for step in path.lstrip("^=@$").split("__"):
        if step in hidden_from(user, model):
            return True
        found = {one.name: one for one in model._meta.get_fields()}.get(step)
        if found is None or not isinstance(found.related_model, type):
            return False
        model = found.related_model
    return False
