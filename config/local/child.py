"""Become another program, one that does not outlive the process that asked for it.

    python -I -S child.py --parent PID --signal NUMBER [--user NAME] -- program argument ...

A parent that is killed (`kill -9`) can tidy nothing up, so on Linux the kernel does: it sends NUMBER to the child
when the parent's main thread is gone. Needs the standard library only, because it starts in 15 ms that way.
"""

import argparse
import ctypes
import os
import pwd
import shutil
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1


def reachable(path: Path, uid: int) -> bool:
    """Say whether a user without privileges and groups may enter every folder above a path."""
    for folder in path.resolve().parents:
        facts = folder.stat()
        may_enter = 0o100 if facts.st_uid == uid else 0o001
        if not facts.st_mode & may_enter:
            return False
    return True


def drop_to(user: str, program: list[str], death_signal: int) -> list[str]:
    """Give up root for a user; return the command that is left to execute.

    Where a folder above is closed to that user (a clone below /root), the program keeps the one right that takes it
    through closed folders. Loosening the folders instead would open a person's home to everybody.
    """
    account = pwd.getpwnam(user)
    paths = [Path(word) for word in program if word.startswith("/") and Path(word).exists()]
    if all(reachable(path, account.pw_uid) for path in paths):
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        return program
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        sys.exit(
            "PostgreSQL does not run as root, and this folder is closed to other users. Do one of these:\n"
            "  run as an ordinary user; or clone into a folder that others may enter (/srv, /opt);\n"
            "  or install util-linux (it brings setpriv); or set DATABASE_URL to a PostgreSQL server of your own."
        )
    caps = "-all,+dac_override"
    return [
        setpriv,
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        f"--bounding-set={caps}",
        f"--inh-caps={caps}",
        f"--ambient-caps={caps}",
        f"--pdeathsig={signal.Signals(death_signal).name}",
        *program,
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--user", default="")
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    program = asked.program
    if asked.user:
        program = drop_to(asked.user, program, asked.signal)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, asked.signal)
        if os.getppid() != asked.parent:
            sys.exit("The process that asked for this program is gone already.")
    os.execvp(program[0], program)


if __name__ == "__main__":
    main()
