"""What produced the results, as a page: code, machine, packages."""

from collections.abc import Mapping
from typing import Any

from .html import cell, heading, items, page, table

_FIRST = ("torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "snakemake")


def versions_page(manifest: Mapping[str, Any]) -> str:
    """The page, from the content of manifest.json."""
    code, host, training = manifest["code"], manifest["host"], manifest["training"]
    changed = {True: " and local changes", False: "", None: ""}[code["modified"]]
    commit = f"{code['commit']}{changed}" if code["commit"] else "not a git checkout"
    entries = [
        ("Written", manifest["written"]),
        ("Code", commit),
        ("Configuration, SHA-256", manifest["config_sha256"]),
        ("System", f"{host['system']}, {host['machine']}"),
        ("Processor", f"{host['processor']}, {host['cores']} cores"),
        ("Trained on", ", ".join(training["devices"])),
        (
            "Training",
            f"{training['jobs']} jobs, {training['seeds']} seeds, {training['seconds']:,.0f} s",
        ),
        ("Python", host["python"]),
    ]
    packages = manifest["packages"]
    entries += [(name, packages[name]) for name in _FIRST if name in packages]
    others = [f"{name} {version}" for name, version in packages.items() if name not in _FIRST]
    return page(
        "Versions and machine",
        [
            table(("What", "Value"), [map(cell, fact) for fact in entries], kind="pairs"),
            heading("Other packages installed"),
            items(sorted(others, key=str.lower)),
        ],
    )
