"""The colour profile of papers is accepted by readers, and describes sRGB."""

import io
import struct
from typing import Any

from PIL import Image, ImageChops, ImageCms

from logistics.documents import srgb

GREYS_AND_COLOURS = [(n, n, n) for n in range(256)] + [(255, 0, 0), (0, 255, 0), (0, 0, 255), (11, 60, 93)]


def test_lcms_reads_it_as_srgb():
    ours = ImageCms.ImageCmsProfile(io.BytesIO(srgb.profile()))
    picture = Image.new("RGB", (len(GREYS_AND_COLOURS), 1))
    picture.putdata(GREYS_AND_COLOURS)

    converted: Any = ImageCms.profileToProfile(picture, ours, ImageCms.createProfile("sRGB"))

    extremes: Any = ImageChops.difference(picture, converted).getextrema()
    assert max(largest for _, largest in extremes) <= 1
    assert ours.profile.profile_description == "sRGB"


def test_its_header_is_valid_for_pdf_a_3():
    profile = srgb.profile()
    size, version, kind, space, connection, mark = struct.unpack_from(">L4xL4s4s4s12x4s", profile)

    assert size == len(profile) and len(profile) % 4 == 0
    assert (version, kind, space, connection, mark) == (0x0420_0000, b"mntr", b"RGB ", b"XYZ ", b"acsp")


def test_every_tag_is_aligned_and_within_the_profile():
    profile = srgb.profile()
    (count,) = struct.unpack_from(">L", profile, 128)
    tags = {tag: (at, size) for tag, at, size in struct.iter_unpack(">4sLL", profile[132 : 132 + 12 * count])}

    assert set(tags) == {b"desc", b"cprt", b"wtpt", b"chad", *srgb.COLORANTS, b"rTRC", b"gTRC", b"bTRC"}
    assert all(at % 4 == 0 and at + size <= len(profile) for at, size in tags.values())
