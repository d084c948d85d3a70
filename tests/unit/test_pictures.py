"""Pictures of every mode, transparency and bit depth; with broken metadata; of many pixels."""

import io
import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from critical_batch.data import pictures
from critical_batch.data.flatten import SixteenBits, dark_pictures, flattened
from critical_batch.data.formats import FORMATS, has_picture, is_picture, starts_as_picture
from critical_batch.data.kinds import source_of
from critical_batch.data.kinds.image_folder import decode
from critical_batch.data.metadata import without_metadata
from critical_batch.data.packing import write_packed
from critical_batch.data.pictures import MAX_PIXELS, Loaded, Remark, decode_rgb, load, reason_of
from critical_batch.runtime.errors import UserError
from PIL import Image, PngImagePlugin, UnidentifiedImageError
from raw_data_examples import encoded, picture

GREY, GREY_ALPHA, COLOUR, PALETTE, COLOUR_ALPHA = 0, 4, 2, 3, 6


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(kind: int, bits: int, pixels: list[bytes], *extra: tuple[bytes, bytes], after=()) -> bytes:
    """A PNG of one row, each pixel given as its bytes in the file."""
    row = b"".join(pixels)
    width = len(row) * 8 // (bits * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind])
    header = struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        *extra,
        (b"IDAT", zlib.compress(b"\0" + row)),
        *after,
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*each) for each in chunks)


def tiff(values: np.ndarray, bits: int, photometric=1, big=False, stored=1, colours=1) -> bytes:
    """A TIFF of one row of samples of 8, 12 or 16 bits, not compressed.

    photometric: 1 grey, 2 colours. stored: 1 without a sign, 2 with one. colours: samples of a
    pixel, 1 or 3.
    """
    if bits == 12:
        digits = "".join(f"{value:03x}" for value in values)
        data = bytes.fromhex(digits + "0" * (len(digits) % 2))
    else:
        data = values.astype(f"{'>' if big else '<'}u{bits // 8}").tobytes()
    order = ">" if big else "<"
    width = len(values) // colours
    tags = [(256, width), (257, 1), (258, bits), (259, 1), (262, photometric), (273, 0)]
    tags += [(277, colours), (278, 1), (279, len(data)), (339, stored)]
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b""
    for tag, value in tags:
        value = start if tag == 273 else value
        if tag in (258, 339) and colours > 1:  # one of each sample, behind the pixels
            data += struct.pack(f"{order}{colours}I", *[value] * colours)
            place = start + len(data) - 4 * colours
            entries += struct.pack(f"{order}HHII", tag, 4, colours, place)
            continue
        entries += struct.pack(f"{order}HHII", tag, 4, 1, value)
    head = (b"MM\0*" if big else b"II*\0") + struct.pack(f"{order}IH", 8, len(tags))
    return head + entries + bytes(4) + data


@pytest.fixture
def decoded(tmp_path):
    """Decodes bytes as a picture of n x n pixels of a folder: int [channels or more]."""

    def of(data: bytes, size: int = 1, channels: int = 3, **settings) -> np.ndarray:
        path = tmp_path / "picture"
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SixteenBits)
            return decode(path, size, channels, "squash", **settings)

    return of


# ---------------------------------------------------------------- what begins as a picture


@pytest.mark.parametrize("size", [12, 40, 52, 56, 64, 108, 124])
def test_a_bitmap_has_a_header_of_a_known_size(size):
    """Other files may begin with the letters BM."""

    def begins(header: int) -> bool:
        return starts_as_picture(b"BM" + bytes(12) + struct.pack("<I", header) + bytes(14))

    assert begins(size)
    assert not any(begins(other) for other in (size - 1, size + 1, size << 8, size | 1 << 24))


def test_what_cannot_be_read_is_no_picture(tmp_path):
    assert not is_picture(tmp_path / "none", "none")
    with pytest.raises(OSError, match="No such file"):
        has_picture(tmp_path / "none", "none")
    assert not has_picture(tmp_path / "none.nef", "none.NEF")


# ---------------------------------------------------------------- mode x transparency x bits

TRANSPARENT = {
    "grey 1": png(GREY, 1, [b"\x00"], (b"tRNS", b"\0\0")),
    "grey 2": png(GREY, 2, [b"\x55"], (b"tRNS", b"\0\1")),
    "grey 4": png(GREY, 4, [b"\x55"], (b"tRNS", b"\0\5")),
    "grey 8": png(GREY, 8, [b"\x55"], (b"tRNS", b"\0\x55")),
    "grey 16": png(GREY, 16, [b"\x12\x34"], (b"tRNS", b"\x12\x34")),
    "colour 8": png(COLOUR, 8, [b"\1\2\3"], (b"tRNS", b"\0\1\0\2\0\3")),
    "colour 16": png(COLOUR, 16, [b"\1\2\3\4\5\6"], (b"tRNS", b"\1\2\3\4\5\6")),
    **{
        f"palette {bits}": png(PALETTE, bits, [b"\0"], (b"PLTE", b"\1\2\3\4\5\6"), (b"tRNS", alpha))
        for bits, alpha in ((1, b"\0"), (2, b"\0"), (4, b"\0"), (8, b"\0\x80"))
    },
    "grey and alpha 8": png(GREY_ALPHA, 8, [b"\1\0"]),
    "grey and alpha 16": png(GREY_ALPHA, 16, [b"\1\2\0\0"]),
    "colour and alpha 8": png(COLOUR_ALPHA, 8, [b"\1\2\3\0"]),
    "colour and alpha 16": png(COLOUR_ALPHA, 16, [b"\1\2\3\4\5\6\0\0"]),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("data", TRANSPARENT.values(), ids=TRANSPARENT)
def test_what_is_transparent_becomes_white(decoded, data, channels):
    assert set(decoded(data, channels=channels).flat) == {255}


OPAQUE = {
    "grey 1": (png(GREY, 1, [b"\x00"], (b"tRNS", b"\0\1")), 0),
    "grey 2": (png(GREY, 2, [b"\x55"], (b"tRNS", b"\0\2")), 85),
    "grey 4": (png(GREY, 4, [b"\x55"], (b"tRNS", b"\0\4")), 85),
    "grey 8": (png(GREY, 8, [b"\x55"], (b"tRNS", b"\0\1")), 85),
    "grey 16": (png(GREY, 16, [b"\x12\x34"], (b"tRNS", b"\x12\x35")), 0x12),
    "grey 16 without": (png(GREY, 16, [b"\x12\x34"]), 0x12),
    "colour 16": (png(COLOUR, 16, [b"\x12\x34" * 3], (b"tRNS", b"\1\2\3\4\5\6")), 0x12),
    "palette 8": (png(PALETTE, 8, [b"\1"], (b"PLTE", b"\1\2\3\4\4\4"), (b"tRNS", b"\0")), 4),
}


@pytest.mark.parametrize(("data", "grey"), OPAQUE.values(), ids=OPAQUE)
def test_what_is_not_transparent_stays(decoded, data, grey):
    assert set(decoded(data).flat) == {grey}


@pytest.mark.parametrize("channels", [1, 3])
def test_of_16_bits_too_only_the_transparent_value_becomes_white(decoded, channels):
    data = png(GREY, 16, [b"\x12\x34", b"\x12\x35", b"\xff\xff"], (b"tRNS", b"\x12\x34"))
    assert decoded(data, 3, channels)[0, :, 0].tolist() == [255, 0x12, 255]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "YCbCr", "LAB"]
)
def test_every_mode_that_tiff_has(decoded, mode, channels):
    """White stays white, opaque."""
    buffer = io.BytesIO()
    colour = {"I;16": 65535, "LAB": (255, 128, 128), "CMYK": 0, "YCbCr": (255, 128, 128)}
    Image.new(mode, (4, 4), colour.get(mode, "white")).save(buffer, "TIFF")
    assert decoded(buffer.getvalue(), 2, channels).min() >= 254


@pytest.mark.parametrize("mode", ["La", "RGBa", "PA", "RGBX", "HSV"])
def test_modes_that_pillow_reads_and_does_not_write(mode):
    """With alpha they are transparent black here, which is white then."""
    loaded = Loaded(Image.new(mode, (4, 4)), "", 16, False, 1)
    expected = 255 if "a" in mode.lower() else 0
    assert set(np.asarray(flattened(loaded, "L")).flat) == {expected}


def test_8_bits_with_a_sign_have_no_range_either(decoded):
    values = np.array([1, 200])
    assert decoded(tiff(values, 8), 2, 1)[0, :, 0].tolist() == [1, 200]
    with pytest.raises(ValueError, match="samples of 8 bits with a sign have no range"):
        decoded(tiff(values, 8, stored=2), 2, 1)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_samples_without_a_range_are_refused(decoded, mode):
    buffer = io.BytesIO()
    Image.new(mode, (4, 4)).save(buffer, "TIFF")
    with pytest.raises(ValueError, match=rf"mode {mode} .* no range: save it with 8 or 16 bits"):
        decoded(buffer.getvalue())


def test_without_a_transparent_value_every_sample_is_opaque(decoded):
    data = png(GREY, 16, [b"\0\0", b"\0\1", b"\xff\xff"])
    assert decoded(data, 3, 1)[0, :, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("big", [False, True])
def test_grey_samples_of_16_bits_are_divided_by_256(decoded, big):
    values = np.array([0, 255, 256, 0x8001, 65535])
    assert decoded(tiff(values, 16, big=big), 5, 1)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("big", [False, True])
def test_colours_of_16_bits_are_noticed_in_a_tiff_too(tmp_path, big):
    path = tmp_path / "picture"
    path.write_bytes(tiff(np.array([0x1234, 0x8001, 0]), 16, 2, big, colours=3))
    with pytest.warns(SixteenBits) as warned:
        assert decode(path, 1, 3, "squash").tolist() == [[[0x12, 0x80, 0]]]
    assert [each.message.highest for each in warned] == [0x80FF]
    with pytest.raises(ValueError, match="colours of 16 bits per sample"):
        decode(path, 1, 3, "squash", bits=12)


def test_tiff_says_itself_that_it_has_12_bits(decoded):
    values = np.array([0, 15, 16, 2048, 4095, 0])
    assert decoded(tiff(values, 12), 6, 1)[0, :, 0].tolist() == [0, 0, 1, 128, 255, 0]


def test_white_is_zero_at_16_bits_too(decoded):
    assert decoded(tiff(np.array([0, 65535]), 16, photometric=0), 2, 1)[0, :, 0].tolist() == [
        255,
        0,
    ]


UNDONE = {
    1: lambda turned: turned,
    2: np.fliplr,
    3: lambda turned: np.rot90(turned, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda turned: np.rot90(turned, -1),
    7: lambda turned: np.rot90(turned, 2).T,
    8: np.rot90,
}
"""Orientation -> from the rows of the file to the picture as it was seen (EXIF 2.3, 4.6.4 A)."""


@pytest.mark.parametrize("orientation", UNDONE)
@pytest.mark.parametrize(
    ("format", "options"),
    [
        *(("PNG", {}), ("JPEG", {"quality": 100}), ("WEBP", {"lossless": True})),
        *(("TIFF", {}), ("TIFF", {"compression": "tiff_deflate"})),
    ],
    ids=str,
)
def test_pictures_stand_upright_in_every_format(tmp_path, format, options, orientation):
    """Read by its path: such TIFF files Pillow would map into memory."""
    turned = np.kron(np.array([[0, 90, 200], [40, 140, 250]]), np.ones((8, 8))).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pictures = {"8 bits": turned}
    if format == "TIFF":
        pictures["16 bits"] = turned.astype(np.uint16) * 257
    for name, pixels in pictures.items():
        Image.fromarray(pixels).save(tmp_path / name, format, exif=exif, **options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SixteenBits)
            found = decode(tmp_path / name, 8, 1, "squash")
        expected = Image.fromarray(np.ascontiguousarray(UNDONE[orientation](turned)))
        expected = np.asarray(expected.resize((8, 8), Image.Resampling.LANCZOS))
        assert np.abs(found[:, :, 0].astype(int) - expected).max() <= (3 if format == "JPEG" else 0)


def test_a_file_of_a_terabyte_that_is_no_picture_is_not_read_to_its_end(tmp_path):
    for start, message in ((b"", "none of PNG"), (b"\x89PNG\r\n\x1a\n", "broken PNG|cannot ident")):
        with open(tmp_path / "large.png", "wb") as file:
            file.write(start)
            file.truncate(1 << 40)
        with pytest.raises((ValueError, SyntaxError, OSError), match=message):
            decode(tmp_path / "large.png", 8, 3, "squash")


# ---------------------------------------------------------------- 12 bits in 16


def folder_of(root: Path, values: list[int], **settings) -> dict:
    """Grey pictures of 16 bits, half of them in each of two classes; the manifest."""
    for number, value in enumerate(values):
        path = root / "own" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = np.linspace(0, value, 64).reshape(8, 8).astype(np.uint16)
        Image.fromarray(samples).save(path)
    own = {"name": "own", "kind": "image_folder", "root": str(root / "own"), "image_size": 8}
    own |= {"labels": "folders", "channels": 1, **settings}
    return write_packed(root / "packed", own, source_of(own))


def test_12_bits_in_16_are_noticed_and_the_remedy_works(tmp_path):
    (line,) = folder_of(tmp_path, [4000, 4095, 3000, 2000])["warnings"]
    assert line.startswith(
        "datasets.own: the samples of its 16-bit pictures are 0 to 4095 of 65535"
    )
    assert "range of 12 bits, and become 0 to 15 of 255" in line
    assert "set datasets.own.bits to 12" in line
    assert np.load(tmp_path / "packed/images.npy").max() == 15
    assert folder_of(tmp_path, [4000, 4095, 3000, 2000], bits=12)["warnings"] == []
    assert np.load(tmp_path / "packed/images.npy").max() == 255
    assert folder_of(tmp_path, [4000, 4095, 3000, 2000], bits=16)["warnings"] == []


def test_dark_pictures_beside_bright_ones_are_no_12_bits(tmp_path):
    assert folder_of(tmp_path, [4000, 60_000])["warnings"] == []


def test_more_bits_than_said_are_no_picture_of_so_many(tmp_path):
    manifest = folder_of(tmp_path, [4095, 4096, 100, 200], bits=12, max_skipped_share=0.5)
    assert manifest["skipped"] == ["b/1.png"]
    (row,) = manifest["skipped_reasons"]
    assert row["reason"] == "a sample of 4096, above the 4095 of 12 bits"


@pytest.mark.parametrize(
    ("highest", "bits"), [(100, 8), (1023, 10), (4095, 12), (16_383, 14), (32_767, 15)]
)
def test_the_bits_found_are_named(highest, bits):
    assert f"is the range of {bits} bits" in dark_pictures("own", highest)
    assert dark_pictures("own", 32_768) is None


@pytest.mark.parametrize(
    ("colour", "highest", "others", "message"),
    [
        (
            COLOUR,
            b"\x0f\xff\x01\x00\x00\x00",
            [bytes([number]) * 6 for number in range(2)],
            r"colours of 16 bits per sample.*save it with 8 bits",
        ),
        (
            GREY_ALPHA,
            b"\x0f\xff\xff\xff",
            [bytes([number]) * 2 + b"\xff\xff" for number in range(2)],
            "or grey with alpha, of which the upper 8 are read",
        ),
    ],
    ids=["colour", "grey with alpha"],
)
def test_12_bits_of_more_than_grey_are_noticed_too(tmp_path, colour, highest, others, message):
    (tmp_path / "own").mkdir()
    for number, other in enumerate(others):
        (tmp_path / "own" / f"{number}.png").write_bytes(png(colour, 16, [highest, other]))
    own = {"name": "own", "kind": "image_folder", "root": str(tmp_path / "own"), "image_size": 2}
    own |= {"resize": "squash"}
    (line,) = write_packed(tmp_path / "packed", own, source_of(own))["warnings"]
    assert "0 to 4095 of 65535" in line
    own |= {"bits": 12}
    with pytest.raises(UserError, match=message):
        write_packed(tmp_path / "packed", own, source_of(own))


# ---------------------------------------------------------------- metadata


def jpeg_segments() -> list[tuple[bytes, bool]]:
    """Every marker that a header may have, with contents of several lengths; is it needed?"""
    removed = {*range(0xE0, 0xF0), 0xFE} - {0xEE}
    segments = []
    for marker in (*range(0xC0, 0xD0), 0xDB, 0xDD, 0xDF, *range(0xE0, 0x100)):
        for length in (0, 3, 300):
            if marker != 0xFF:
                content = struct.pack(">H", length + 2) + bytes([marker]) * length
                segments.append((bytes([0xFF, marker]) + content, marker not in removed))
    return segments


def png_chunks() -> list[tuple[bytes, bool]]:
    removed = b"tEXt zTXt iTXt tIME eXIf iCCP gAMA cHRM pHYs sRGB sBIT bKGD hIST sPLT".split()
    needed = b"IHDR PLTE tRNS acTL fcTL fdAT IDAT abcd IEND".split()
    named = [(name, name in needed) for name in (*removed, *needed)]
    return [(chunk(name, bytes(size)), keep) for name, keep in named for size in (0, 3, 300)]


@pytest.mark.parametrize(
    ("start", "parts", "head", "end"),
    [
        (b"\xff\xd8", jpeg_segments(), 4, b"\xff\xda\0\x02\xff\xe1\0\x04ab\xff\xd9"),
        (b"\x89PNG\r\n\x1a\n", png_chunks(), 12, b""),
    ],
    ids=["JPEG", "PNG"],
)
def test_what_makes_no_pixels_goes_and_all_else_stays(start, parts, head, end):
    """Of a file that was cut off too: what is left of a part counts where its head is whole."""
    whole = start + b"".join(part for part, _ in parts) + end
    kept = start + b"".join(part for part, needed in parts if needed)
    assert without_metadata(whole) == kept + end
    position, kept = len(start), start
    for part, needed in parts:
        for length in (1, head - 1, head, len(part) - 1):
            length = min(length, len(part) - 1)
            expected = part[:length] if needed or length < head else b""
            assert without_metadata(whole[: position + length]) == kept + expected
        position, kept = position + len(part), kept + part * needed
    assert without_metadata(b"GIF89a" + whole) == b"GIF89a" + whole
    assert without_metadata(start) == start


def test_pixels_that_are_broken_too_are_told_as_what_was_found_first(tmp_path):
    buffer, path = io.BytesIO(), tmp_path / "picture.jpg"
    picture(size=(64, 64)).save(buffer, "JPEG", comment=b"of mine")
    path.write_bytes(buffer.getvalue()[:-200])
    assert without_metadata(path.read_bytes()) != path.read_bytes()
    with pytest.raises(OSError, match="truncated"):
        load(path, FORMATS)


def test_what_is_no_chunk_or_segment_is_kept_with_all_that_follows():
    text = chunk(b"tEXt", b"a\0b")
    for start, damage, after in (
        (b"\x89PNG\r\n\x1a\n", bytes(12), text),
        (b"\xff\xd8", b"\0\0", b"\xff\xe1\0\x04ab"),
    ):
        assert without_metadata(start + after + damage + after) == start + damage + after


PIXELS = [bytes([value]) * 3 for value in (10, 90, 170, 250)]


def text_bomb() -> tuple[bytes, bytes]:
    return b"zTXt", b"comment\0\0" + zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))


BROKEN_PNG = {
    "a text that is too large": png(COLOUR, 8, PIXELS, text_bomb()),
    "such a text after the pixels": png(COLOUR, 8, PIXELS, after=[text_bomb()]),
    "a profile that is too large": png(
        COLOUR, 8, PIXELS, (b"iCCP", b"p\0\0" + zlib.compress(bytes(1 << 21)))
    ),
    "a gamma of two bytes": png(COLOUR, 8, PIXELS, (b"gAMA", b"\0\0")),
    "a resolution of one byte": png(COLOUR, 8, PIXELS, (b"pHYs", b"\0")),
    "chromaticities of one byte": png(COLOUR, 8, PIXELS, (b"cHRM", b"\0")),
    "EXIF that is none": png(COLOUR, 8, PIXELS, (b"eXIf", b"II*\0\xff\xff\xff\xff")),
    "EXIF of one byte": png(COLOUR, 8, PIXELS, (b"eXIf", b"x")),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", BROKEN_PNG.values(), ids=BROKEN_PNG)
def test_pixels_with_broken_metadata_are_used(decoded, data):
    assert decoded(data, 4)[0, :, 0].tolist() == [10, 90, 170, 250]


def with_segment(marker: int, content: bytes) -> bytes:
    data = encoded(picture(size=(8, 8)))
    segment = bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content
    return data[:2] + segment + data[2:]


def exif(tag: int, kind: int, count: int, value: bytes) -> bytes:
    entry = struct.pack("<HHI", tag, kind, count) + value
    return b"Exif\0\0" + b"II*\0\x08\0\0\0\1\0" + entry + bytes(4)


BROKEN_JPEG = {
    "EXIF of zero bytes": with_segment(0xE1, b"Exif\0\0"),
    "EXIF cut off": with_segment(0xE1, b"Exif\0\0II*\0\x08\0\0\0\5\0"),
    "a resolution of n/0": with_segment(0xE1, exif(0x011A, 5, 1, struct.pack("<I", 0))),
    "an orientation that is text": with_segment(0xE1, exif(0x0112, 2, 4, b"top\0")),
    "an orientation of 99": with_segment(0xE1, exif(0x0112, 3, 1, b"\x63\0\0\0")),
    "JFIF cut off": with_segment(0xE0, b"JFIF\0"),
    "a profile of no number": with_segment(0xE2, b"ICC_PROFILE\0"),
    "Photoshop's block cut off": with_segment(0xED, b"Photoshop 3.0\x008BIM\x03\xed"),
    "several views that are none": with_segment(0xE2, b"MPF\0II*\0\xff\xff\xff\xff"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", BROKEN_JPEG.values(), ids=BROKEN_JPEG)
def test_photographs_with_broken_metadata_are_used(decoded, data):
    expected = decoded(encoded(picture(size=(8, 8))), 8)
    np.testing.assert_array_equal(decoded(data, 8), expected)
    np.testing.assert_array_equal(decode_rgb(data, 8, "squash"), expected)


@pytest.mark.filterwarnings("ignore")
def test_an_orientation_counts_beside_a_number_that_is_none(decoded):
    """A resolution that cannot be written again does not undo that the picture is turned."""
    image = picture(size=(8, 8))
    entries = struct.pack("<HHII", 0x0112, 3, 1, 6)
    entries += struct.pack("<HHII", 0x011A, 5, 1, 0xFFFF)
    block = b"II*\0\x08\0\0\0\2\0" + entries + bytes(4)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    data = buffer.getvalue()
    data = data[:33] + chunk(b"eXIf", block) + data[33:]
    np.testing.assert_array_equal(decoded(data, 8), np.rot90(np.asarray(image), -1))


def test_broken_metadata_are_a_remark_and_broken_pixels_are_not(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    (root / "0.png").write_bytes(BROKEN_PNG["a text that is too large"])
    (root / "1.png").write_bytes(png(COLOUR, 8, PIXELS[::-1]))
    (root / "2.png").write_bytes(BROKEN_PNG["a text that is too large"][:-30])
    own = {"name": "own", "kind": "image_folder", "root": str(root), "image_size": 4}
    own |= {"max_skipped_share": 0.5, "resize": "squash"}
    manifest = write_packed(tmp_path / "packed", own, source_of(own))
    assert manifest["skipped"] == ["2.png"]
    (row,) = manifest["remarks"]
    assert row["reason"].startswith("metadata are broken and left out: ")
    assert (row["count"], row["example"]) == (1, "0.png")


@pytest.mark.parametrize("name", ["a text that is too large", "a gamma of two bytes"])
def test_broken_metadata_are_said_and_whole_ones_are_not(decoded, name, recwarn):
    decoded(png(COLOUR, 8, PIXELS), 4)
    assert not recwarn
    decoded(BROKEN_PNG[name], 4)
    (said,) = (str(each.message) for each in recwarn)
    assert said.startswith("metadata are broken and left out: ")


def test_an_orientation_that_cannot_be_read_is_none(monkeypatch):
    """Pillow raises almost anything on damaged EXIF data."""

    def getexif(image):
        raise ZeroDivisionError("n/0")

    monkeypatch.setattr(Image.Image, "getexif", getexif)
    with pytest.warns(Remark, match="metadata are broken and left out: n/0"):
        assert load(png(COLOUR, 8, PIXELS), ("PNG",)).orientation == 1


def test_a_photograph_of_several_views_is_one_of_one_frame(decoded, recwarn):
    buffer = io.BytesIO()
    views = [picture(size=(24, 24), seed=seed) for seed in range(2)]
    views[0].save(buffer, "MPO", save_all=True, append_images=views[1:])
    expected = decoded(encoded(views[0]), 24)
    np.testing.assert_array_equal(decoded(buffer.getvalue(), 24), expected)
    assert not recwarn


def test_large_files_are_decoded_and_their_metadata_are_not_left_out(monkeypatch):
    data = BROKEN_PNG["a gamma of two bytes"]
    monkeypatch.setattr(pictures, "MAX_BYTES", len(data))
    with pytest.warns(Remark, match="metadata are broken"):
        assert load(data, ("PNG",)).picture.size == (4, 1)
    monkeypatch.setattr(pictures, "MAX_BYTES", len(data) - 1)
    with pytest.raises((ValueError, struct.error)):
        load(data, ("PNG",))
    assert load(png(COLOUR, 8, PIXELS), ("PNG",)).picture.size == (4, 1)


def test_images_of_the_papers_data_sets_have_a_largest_size(tmp_path, monkeypatch):
    data = encoded(picture(), "PNG")
    (tmp_path / "x").write_bytes(data)
    monkeypatch.setattr(pictures, "MAX_BYTES", len(data))
    found = pictures.decode_rgb_file(tmp_path / "x", 8, "squash")
    np.testing.assert_array_equal(found, decode_rgb(data, 8, "squash"))
    monkeypatch.setattr(pictures, "MAX_BYTES", len(data) - 1)
    for decode_one in (
        lambda: decode_rgb(data, 8, "squash"),
        lambda: pictures.decode_rgb_file(tmp_path / "x", 8, "squash"),
    ):
        with pytest.raises(ValueError, match=f"{len(data)} bytes are too many for one image"):
            decode_one()


def test_reasons_are_one_line_of_bounded_length_without_a_path():
    assert reason_of(ValueError("a\n  b" + "x" * 300)) == ("a b" + "x" * 300)[:200]
    assert reason_of(ValueError()) == "ValueError"
    assert reason_of(PermissionError(13, "Permission denied", "/a/b")) == "Permission denied"
    assert reason_of(OSError("truncated")) == "truncated"
    assert "path" not in reason_of(UnidentifiedImageError("cannot identify '/a/path'"))


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "TIFF"])
def test_the_first_of_several_frames_is_used_and_said(tmp_path, format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "a", format, save_all=True, append_images=frames[1:], lossless=True)
    with pytest.warns(Remark, match="the first of several frames or pages is used"):
        image = decode(tmp_path / "a", 8, 3, "squash")
    assert image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("format", ["GIF", "PNG", "TIFF"])
def test_a_damaged_later_frame_costs_nothing(decoded, format):
    buffer = io.BytesIO()
    frames = [picture(size=(24, 24), seed=seed) for seed in range(3)]
    frames[0].save(buffer, format, save_all=True, append_images=frames[1:])
    whole = buffer.getvalue()
    expected = decoded(whole, 24)
    for length in (len(whole) // 2, len(whole) - 9):
        np.testing.assert_array_equal(decoded(whole[:length], 24), expected)


# ---------------------------------------------------------------- pixels


def test_a_scan_of_90_million_pixels_is_no_bomb(decoded):
    assert MAX_PIXELS == 2 * Image.MAX_IMAGE_PIXELS
    side = 9_500  # 90,250,000 pixels; Pillow warns above 89,478,485
    buffer = io.BytesIO()
    Image.new("1", (side, side), 1).save(buffer, "PNG")
    assert side * side < MAX_PIXELS
    assert decoded(buffer.getvalue(), 1, 1).tolist() == [[[255]]]
    with pytest.raises(ValueError, match="more than 90000000 pixels, the limit max_pixels"):
        decoded(buffer.getvalue(), 1, 1, max_pixels=90_000_000)


def test_the_limit_can_be_raised_above_pillows(decoded, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    data = encoded(picture(size=(24, 16)), "PNG")
    assert decoded(data, 8, max_pixels=384).shape == (8, 8, 3)
    assert Image.MAX_IMAGE_PIXELS == 10
    with pytest.raises(ValueError, match="more than 383 pixels"):
        decoded(data, 8, max_pixels=383)
    assert Image.MAX_IMAGE_PIXELS == 10


def test_reasons_stand_in_the_line_and_in_the_manifest(tmp_path):
    root = tmp_path / "own"
    root.mkdir()
    for number in range(20):
        samples = np.full((8, 8), number, dtype=np.float32)
        Image.fromarray(samples).save(root / f"{number}.tif")
    own = {"name": "own", "kind": "image_folder", "root": str(root), "image_size": 8}
    with pytest.raises(UserError) as error:
        write_packed(tmp_path / "packed", own, source_of(own))
    assert "datasets.own.root: 20 of 20 images cannot be read, more than 1 %: " in str(error.value)
    assert "samples of mode F (32 bits, or with a sign) have no range" in str(error.value)
    assert "(20, such as '0.tif')" in str(error.value)
    for number in range(2):
        picture(seed=number).save(root / f"{number}.tif")
    own |= {"max_skipped_share": 0.95}
    write_packed(tmp_path / "packed", own, source_of(own))
    manifest = json.loads((tmp_path / "packed/manifest.json").read_text())
    (row,) = manifest["skipped_reasons"]
    assert (row["count"], row["example"]) == (18, "2.tif")
    assert len(manifest["skipped"]) == 18
