"""What an image of the product is built from."""

from pathlib import Path

from tests.sources import ROOT


def built_from(path: str) -> bool:
    """Say whether an image is built from this file: the last line of .dockerignore that matches it decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!").replace("**/", "")
        names = [path, *map(str, Path(path).parents)]
        if line and not line.startswith("#") and any(Path(name).match(pattern) for name in names if name != "."):
            ignored = not line.startswith("!")
    return not ignored
