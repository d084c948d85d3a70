"""Packages that bring entries of registries, as pip would install them, for tests."""

from pathlib import Path


def install(
    site: Path, name: str, modules: dict[str, str], points: dict[str, dict[str, str]]
) -> Path:
    """Writes an installed package into the folder `site`; returns its metadata's folder.

    modules: path below `site` -> source. points: group, without its `critical_batch.` -> entry
    name -> `module:ATTRIBUTE`.
    """
    for path, source in modules.items():
        (site / path).parent.mkdir(parents=True, exist_ok=True)
        (site / path).write_text(source)
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = []
    for group, entries in points.items():
        lines.append(f"[critical_batch.{group}]")
        lines += [f"{entry} = {target}" for entry, target in entries.items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return metadata
