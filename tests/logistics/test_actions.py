"""What a user may do with a row is written as it is declared."""

from dataclasses import fields

from logistics.actions import AllowedAction, AllowedActionOut
from logistics.errors import WrongState


def test_the_answer_has_the_declared_fields_in_their_order() -> None:
    declared = list(AllowedActionOut._declared_fields)
    assert [field.name for field in fields(AllowedAction)] == declared
    for refusal in (None, WrongState("Not now.")):
        action = AllowedAction.of("seal", refusal)
        written = AllowedActionOut(action).data
        assert list(written.items()) == [(name, getattr(action, name)) for name in declared]
