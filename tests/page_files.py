"""Files that a page of the documentation tells to write, and modules made of them."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

LIBRARY = "workflow/scripts/"


def sections_of(page: str, *titles: str) -> str:
    """The sections of a page that have these titles, without what stands before the first."""
    sections = re.split(r"^## ", page, flags=re.M)
    chosen = [each for each in sections if each.partition("\n")[0] in titles]
    assert len(chosen) == len(titles)
    return "".join(chosen)


def files_of_page(page: str) -> dict[str, str]:
    """Path -> content of every Python file of the library that a page shows in full."""
    return {path: code for path, code in _shown(page).items() if path.startswith(LIBRARY)}


def package_of_page(page: str) -> dict[str, str]:
    """Path -> content of every file that a page shows in full and that is not of the library."""
    return {path: code for path, code in _shown(page).items() if not path.startswith(LIBRARY)}


def _shown(page: str) -> dict[str, str]:
    pattern = r"`(\S+\.(?:py|toml))`:\n\n```(?:python|toml)\n(.*?)```"
    files = dict(re.findall(pattern, page, flags=re.DOTALL))
    assert len(files) == page.count("```python") + page.count("```toml")
    return files


@contextmanager
def modules_of_page(page: str, folder: Path) -> Iterator[None]:
    """The files of a page for the library as if they lay in it; they lie in `folder`."""
    packages = {}
    for path, code in files_of_page(page).items():
        file = folder / path.removeprefix(LIBRARY)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(code)
        package = import_module(".".join(file.parent.relative_to(folder).parts))
        package.__path__.append(str(file.parent))
        packages[file.stem, package.__name__] = package
    try:
        yield
    finally:
        for (module, name), package in packages.items():
            package.__path__.pop()
            sys.modules.pop(f"{name}.{module}", None)
            vars(package).pop(module, None)
