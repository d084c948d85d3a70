"""An encoded picture without its metadata, for where these are broken and the pixels are not."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_METADATA = (
    *(b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf", b"iCCP", b"gAMA", b"cHRM"),
    *(b"pHYs", b"sRGB", b"sBIT", b"bKGD", b"hIST", b"sPLT"),
)
"""Named one by one: an unknown chunk may be a damaged one that the pixels need."""
_JPEG = b"\xff\xd8"
_ADOBE, _SCAN = 0xEE, 0xDA
_APPLICATION, _COMMENT = range(0xE0, 0xF0), 0xFE


def without_metadata(data: bytes) -> bytes:
    """A PNG or JPEG without chunks or segments that do not make its pixels; others as they are.

    Orientation is metadata too. What cannot be followed to its end is kept from there on.
    """
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    return data


def _png(data: bytes) -> bytes:
    """Chunks: length of the content (4 bytes), type (4), content, checksum (4)."""
    kept, position = [_PNG], len(_PNG)
    while position + 12 <= len(data) and (name := data[position + 4 : position + 8]).isalpha():
        end = position + 12 + int.from_bytes(data[position : position + 4], "big")
        if name not in _PNG_METADATA:
            kept.append(data[position:end])
        position = end
    return b"".join([*kept, data[position:]])


def _jpeg(data: bytes) -> bytes:
    """Segments before the first scan: 0xFF, marker, length of it and the content (2), content.

    Adobe's segment says how colours are coded.
    """
    kept, position = [_JPEG], len(_JPEG)
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _SCAN:
            break
        end = position + 2 + int.from_bytes(data[position + 2 : position + 4], "big")
        if marker == _ADOBE or not (marker in _APPLICATION or marker == _COMMENT):
            kept.append(data[position:end])
        position = end
    return b"".join([*kept, data[position:]])
