"""Clones of this repository, ready to run with the packages installed here."""

import os
import pwd
import shutil
import site
import stat
import sys
from pathlib import Path

from config.local.programs import BIN, ROOT

NOT_CLONED = {".git", ".venv", "var", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
PACKAGES = Path(site.getsitepackages()[0])


def clone(folder: Path) -> Path:
    """Make a clone with its own virtual environment; return its interpreter."""
    shutil.copytree(ROOT, folder, ignore=lambda _, names: NOT_CLONED.intersection(names))
    return environment(folder / ".venv", Path(sys.executable).resolve(), PACKAGES)


def clone_for_everybody(folder: Path) -> Path:
    """The same, with whatever an ordinary user could not reach where it is."""
    interpreter, packages = Path(sys.executable).resolve(), PACKAGES
    shutil.copytree(ROOT, folder, ignore=lambda _, names: NOT_CLONED.intersection(names))
    if not reachable(interpreter):
        interpreter = copy_of_python(folder / ".python")
    if not reachable(PACKAGES):
        packages = folder / ".packages"
        shutil.copytree(PACKAGES, packages, copy_function=link_or_copy)
    return environment(folder / ".venv", interpreter, packages)


def environment(venv: Path, interpreter: Path, packages: Path) -> Path:
    """Make a virtual environment of packages that are installed already."""
    inside = venv / PACKAGES.relative_to(BIN.parent)
    inside.parent.mkdir(parents=True)
    inside.symlink_to(packages)
    (venv / "pyvenv.cfg").write_text(f"home = {interpreter.parent}\ninclude-system-site-packages = false\n")
    python = venv / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(interpreter)
    for name in ("celery", "gunicorn"):
        code = (BIN / name).read_text().split("\n", 1)[1]
        script = python.with_name(name)
        # As pip writes it where the path has a space.
        script.write_text(f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n{code}")
        script.chmod(0o755)
    return python


def copy_of_python(folder: Path) -> Path:
    """Copy the interpreter and its library without what others installed into it; return its program."""
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    (folder / "bin").mkdir(parents=True)
    program = folder / "bin" / name
    link_or_copy(str(Path(sys.executable).resolve()), str(program))
    for library in (Path(sys.base_prefix) / "lib").glob("libpython*"):
        (folder / "lib").mkdir(exist_ok=True)
        link_or_copy(str(library), str(folder / "lib" / library.name))
    shutil.copytree(
        Path(sys.base_prefix) / "lib" / name,
        folder / "lib" / name,
        ignore=shutil.ignore_patterns("site-packages", "test", "idlelib"),
        copy_function=link_or_copy,
    )
    return program


def link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def reachable(path: Path) -> bool:
    """Return whether everybody may pass through the folders above a path."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


def give_to(account: str, folder: Path) -> None:
    """Make an account the owner of a folder and its contents, except files shared by hard links."""
    found = pwd.getpwnam(account)
    for path in [folder, *folder.rglob("*")]:
        if path.is_dir() or path.lstat().st_nlink == 1:
            os.lchown(path, found.pw_uid, found.pw_gid)
