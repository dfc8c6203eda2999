import base64
import hashlib
from typing import Final, cast

from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from logistics.confined import once
from logistics.errors import Invalid
from logistics.pictures import FILE_MAX
from logistics.pictures.models import Picture

READER: Final = "logistics.pictures.reader"
LIMITS: Final = once.Limits(memory_mb=768, cpu_seconds=15, wall_seconds=30, answer_max_bytes=8_000_000)


def store(file: bytes, *, field: str, is_logo: bool = False) -> Picture:
    """Store an uploaded picture, encoded anew and without what cameras add, and return it.

    Photos become JPEGs, a logo a PNG, as it may be transparent. Raises Invalid for anything that is not a picture, and
    for one that is too large.
    """
    if len(file) > FILE_MAX:
        raise _too_large(field)
    try:
        answer = once.ask(READER, {}, (b"L" if is_logo else b"P") + file, LIMITS)
    except (once.OverLimit, once.ChildDied):
        raise _too_large(field) from None
    if answer.get("refused") == "too_many_pixels":
        raise _too_large(field)
    if "refused" in answer:
        raise Invalid(
            _("This is not a picture that we can read. Save it as JPEG, PNG or WebP and try again."),
            field=field,
            code="not_a_picture",
        )
    content = base64.b64decode(str(answer["content"]))
    sha256 = hashlib.sha256(content).hexdigest()
    width, height, small_width = (cast(int, answer[name]) for name in ("width", "height", "small_width"))
    picture, _is_new = Picture.objects.get_or_create(
        sha256=sha256,
        defaults={
            "media_type": str(answer["media_type"]),
            "width": width,
            "height": height,
            "content": content,
            "small": base64.b64decode(str(answer["small"])),
            "small_width": small_width,
        },
    )
    return picture


def _too_large(field: str) -> Invalid:
    return Invalid(
        _("This picture is too large. Scale it to at most 4000 pixels and 10 MB, and try again."),
        field=field,
        code="picture_too_large",
    )


def forget(picture: Picture | None) -> None:
    """Delete a picture that nothing shows any more."""
    if picture is None:
        return
    try:
        picture.delete()
    except ProtectedError:
        return  # another page shows it
