"""The child that reads an uploaded picture: checks it, scales it, and encodes it anew, without what cameras add.

Uploaded pictures are untrusted: a small file may hold billions of pixels, or attack the library that reads it.
"""

import base64
import io

from PIL import Image, ImageOps, UnidentifiedImageError

from logistics.confined import frames, serving
from logistics.pictures import FILE_MAX

# Phones make JPEGs of up to 50 million pixels, and a JPEG is read at a smaller scale; the others are read whole.
PIXELS_MAX = {"JPEG": 100_000_000, "PNG": 40_000_000, "WEBP": 40_000_000}
PHOTO, SMALL, LOGO = 1280, 640, 480  # the longer side


def answer(file: bytes, *, is_logo: bool) -> dict[str, object]:
    """Return the encoded picture in two sizes, or why it is refused."""
    try:
        with Image.open(io.BytesIO(file), formats=tuple(PIXELS_MAX)) as found:
            if found.width * found.height > PIXELS_MAX[str(found.format)]:
                return {"refused": "too_many_pixels"}
            found.draft("RGB", (PHOTO, PHOTO))
            found.load()
            upright = ImageOps.exif_transpose(found)
    except Image.DecompressionBombError:  # far more than the limit
        return {"refused": "too_many_pixels"}
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        return {"refused": "not_a_picture"}
    encode = _png if is_logo else _jpeg
    longest = LOGO if is_logo else PHOTO
    content, size = encode(upright, longest)
    small, small_size = encode(upright, min(SMALL, longest))
    return {
        "media_type": "image/png" if is_logo else "image/jpeg",
        "width": size[0],
        "height": size[1],
        "small_width": small_size[0],
        "content": base64.b64encode(content).decode(),
        "small": base64.b64encode(small).decode(),
    }


def _jpeg(picture: Image.Image, longest: int) -> tuple[bytes, tuple[int, int]]:
    scaled = _scaled(picture, longest)
    clean = Image.new("RGB", scaled.size, "white")  # new, so that no comment, position or profile comes along
    clean.paste(scaled, mask=scaled.getchannel("A"))
    return _saved(clean, format="JPEG", quality=80, optimize=True, progressive=True), clean.size


def _png(picture: Image.Image, longest: int) -> tuple[bytes, tuple[int, int]]:
    scaled = _scaled(picture, longest)
    clean = Image.new("RGBA", scaled.size)
    clean.paste(scaled)
    return _saved(clean, format="PNG", optimize=True), clean.size


def _scaled(picture: Image.Image, longest: int) -> Image.Image:
    smaller = picture.convert("RGBA")
    smaller.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return smaller


def _saved(picture: Image.Image, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, **options)  # type: ignore[arg-type]
    return file.getvalue()


def main() -> None:
    Image.init()  # imports the modules of the formats before this process is confined
    with serving.serve(file_max=FILE_MAX + 1) as (answers, file):
        frames.write(answers, answer(file[1:], is_logo=file[:1] == b"L"))


if __name__ == "__main__":
    main()
