"""Run a program that does not outlive the process that started it.

    python -I -S child.py --parent PID --signal NUMBER [--user NAME] -- program argument ...

A parent that is killed (`kill -9`) cannot clean up, so on Linux the kernel does: it sends NUMBER to the child when the
parent's main thread ends. Uses the standard library only, because it then starts in 15 ms.
"""

import argparse
import ctypes
import os
import pwd
import sys

PR_SET_PDEATHSIG = 1


def become(user: str) -> None:
    """Drop root and all its groups for a user. Exits with advice if that is not possible."""
    try:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    except KeyError:
        sys.exit(f"There is no account named {user} on this machine. Create one: useradd --system {user}")
    except OSError as error:
        sys.exit(
            f"This root may not become the account {user} ({error.strerror}): its container dropped CAP_SETUID or"
            " CAP_SETGID, or knows one account only."
        )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--signal", type=int, required=True)
    parser.add_argument("--user", default="")
    parser.add_argument("program", nargs="+")
    asked = parser.parse_args()
    if asked.user:
        become(asked.user)
    if sys.platform == "linux":
        # After the change of user, which clears it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, asked.signal)
        if os.getppid() != asked.parent:
            sys.exit("The process that started this program has already ended.")
    try:
        os.execvp(asked.program[0], asked.program)
    except OSError as error:
        sys.exit(f"{asked.program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
