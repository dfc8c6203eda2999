"""The files from which an image of the product is built."""

from pathlib import Path

from tests.sources import ROOT


def built_from(path: str) -> bool:
    """Return whether an image includes this file: the last matching line of .dockerignore decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").replace("**/", "")
        names = [path, *map(str, Path(path).parents)]
        if line and not line.startswith("#") and any(Path(name).match(pattern) for name in names if name != "."):
            ignored = not line.startswith("!")
    return not ignored
