"""Advice for a start that failed because of a full disk."""

import os
from pathlib import Path

START_NEEDS = 200  # MB: PostgreSQL's first files, its log of changes, the demonstration world


def shortage(folder: Path) -> str:
    """Return what to do if the disk of a folder has too little room for a start; empty if it has enough."""
    while not folder.exists():
        folder = folder.parent
    facts = os.statvfs(folder)
    free = facts.f_bavail * facts.f_frsize // 1_000_000
    if facts.f_files and not facts.f_favail:
        return f"The disk that holds {folder} takes no more files. Remove some, then repeat your command."
    if free < START_NEEDS:
        return (
            f"The disk that holds {folder} is full: {free} MB are free, and a start needs {START_NEEDS} MB. Free some"
            " space, or set VAR_DIR (for tests and lint: TMPDIR) to a folder on another disk, then repeat your command."
        )
    return ""
