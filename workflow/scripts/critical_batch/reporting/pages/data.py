"""A page with every data set: images, classes with their counts, and what was not used and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from ...data.few_images import singular_reference
from ...metrics.features.kinds import FEATURE_NETWORKS
from .html import cell, heading, page, paragraph, table

_CLASSES, _COUNTS = ("Class", "Images"), ("What", "Reason", "Count", "Such as")
_KINDS = {
    "skipped_reasons": "skipped: cannot be read",
    "unused": "not used: no image",
    "remarks": "used, but",
}


def data_page(manifests: Iterable[Mapping[str, Any]], features: Mapping[str, Iterable[str]]) -> str:
    """The page, from the manifests of packed data sets.

    features: name of a data set -> the feature networks that its images are compared with. What a
    manifest of an earlier version does not say is left out.
    """
    body = []
    for manifest in manifests:
        body += _data_set(manifest, features.get(manifest["name"], ()))
    return page("Data sets", body)


def _data_set(manifest: Mapping[str, Any], features: Iterable[str]) -> list[str]:
    images, classes = manifest["images"], manifest["classes"]
    shape = " x ".join(str(manifest[key]) for key in ("height", "width", "channels"))
    skipped = len(manifest["skipped"])
    body = [
        heading(_plain(manifest["name"])),
        paragraph(
            f"{images:,} images of {shape}, {_number(classes, 'class', 'es')}, "
            f"{_number(skipped, 'image')} skipped."
        ),
        paragraph(
            _plain(f"{_without_scheme(manifest['source'])}; resized: {manifest['resize']}."),
            note=True,
        ),
    ]
    few = (singular_reference(images, FEATURE_NETWORKS[each].dimensions) for each in features)
    body += [
        paragraph(_plain(f"Warning: {text}."))
        for text in (*manifest.get("warnings", ()), *filter(None, few))
    ]
    if manifest.get("class_counts"):
        pairs = zip(manifest["class_names"], manifest["class_counts"], strict=True)
        rows = [(cell(_plain(name)), cell(f"{count:,}")) for name, count in pairs]
        body.append(table(_CLASSES, rows, numbers=_CLASSES[1:]))
    rows = [
        (cell(what), cell(row["reason"]), cell(f"{row['count']:,}"), cell(_plain(row["example"])))
        for key, what in _KINDS.items()
        for row in manifest.get(key, ())
    ]
    if rows:
        body.append(table(_COUNTS, rows, numbers=("Count",), words=("Reason",)))
    return body


def _number(count: int, word: str, plural: str = "s") -> str:
    return f"{count:,} {word}{plural * (count != 1)}"


def _without_scheme(text: str) -> str:
    """Addresses as text that no program takes for something to load."""
    return text.replace("https://", "").replace("http://", "")


def _plain(text: str) -> str:
    """Bytes of a file's name that are no text, written as such."""
    return text.encode("utf-8", "backslashreplace").decode()
