"""Pictures of public pages, without reading a file."""

from typing import Any

from logistics.pictures.models import Picture


def make_picture(**changes: Any) -> Picture:
    values = {
        "sha256": "0" * 64,
        "media_type": "image/jpeg",
        "width": 2,
        "height": 1,
        "content": b"content",
        "small": b"small",
        "small_width": 2,
    }
    return Picture.objects.create(**values | changes)
