"""Pictures of public pages: checked by content, encoded anew, scaled, served for a long time as what they are."""

import io
import struct
import zlib
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from PIL import Image

from logistics.errors import Invalid
from logistics.pictures import services
from logistics.pictures.models import Picture

SECRET = b"GPS 22.3964 N, taken by Chan Tai Man"


def photo(width: int = 3000, height: int = 2000, kind: str = "JPEG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), (20, 90, 110)).save(file, kind, **options)
    return file.getvalue()


def rotated_photo() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    exif[0x010E] = SECRET.decode()
    return photo(exif=exif, comment=SECRET)


def bomb() -> bytes:
    """Return a small PNG that says that it has 60,000 times 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.django_db
def test_a_photo_is_turned_scaled_and_stored_without_what_the_camera_added() -> None:
    original = rotated_photo()
    assert SECRET in original
    picture = services.store(original, field="picture_file")

    content, small = bytes(picture.content), bytes(picture.small)
    for file in (content, small):
        assert SECRET not in file and b"Exif" not in file
    assert (picture.media_type, picture.width, picture.height) == ("image/jpeg", 853, 1280)
    assert Image.open(io.BytesIO(content)).size == (853, 1280)
    assert Image.open(io.BytesIO(small)).size == (picture.small_width, 640)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_other_formats_become_jpegs_and_small_ones_are_not_blown_up(kind: str) -> None:
    picture = services.store(photo(300, 200, kind), field="picture_file")

    assert (picture.media_type, picture.width, picture.height, picture.small_width) == ("image/jpeg", 300, 200, 300)


@pytest.mark.django_db
def test_a_logo_keeps_its_transparency() -> None:
    file = io.BytesIO()
    Image.new("RGBA", (900, 300), (0, 0, 0, 0)).save(file, "PNG")
    picture = services.store(file.getvalue(), field="logo", is_logo=True)

    shown = Image.open(io.BytesIO(bytes(picture.content)))
    assert (picture.media_type, shown.mode, shown.size) == ("image/png", "RGBA", (480, 160))
    assert shown.getpixel((0, 0)) == (0, 0, 0, 0)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("file", "code"),
    [
        (b"", "not_a_picture"),
        (b"%PDF-1.7 not a picture", "not_a_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "not_a_picture"),
        (photo(60, 40, "GIF"), "not_a_picture"),
        (photo(60, 40)[:300], "not_a_picture"),
        (bomb(), "picture_too_large"),
        (b"\xff" * 10_000_001, "picture_too_large"),
    ],
    ids=["nothing", "pdf", "svg", "gif", "cut", "bomb", "heavy"],
)
def test_anything_else_is_refused(file: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        services.store(file, field="picture_file")

    errors: Any = refused.value.details["errors"]
    assert [(error["field"], error["code"]) for error in errors] == [("picture_file", code)]
    assert not Picture.objects.exists()


@pytest.mark.django_db
def test_a_picture_is_served_for_a_year_as_what_it_is() -> None:
    picture = services.store(photo(), field="picture_file")
    for path, content in ((picture.path, picture.content), (picture.small_path, picture.small)):
        answer = Client().get(path)

        assert answer.content == bytes(content)
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
        assert not answer.cookies
    assert Client().get("/pictures/nothing/").status_code == 404
    assert Client().post(picture.path).status_code == 405


@pytest.mark.django_db
def test_the_same_picture_is_stored_once_and_never_changed() -> None:
    one, other = (services.store(photo(), field="picture_file") for _ in range(2))
    assert one == other

    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Picture.objects.update(width=1)
