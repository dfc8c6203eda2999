"""What a child gives up before it reads untrusted input: memory, time, the network, other programs, writing files.

Two layers against the same things. Python's audit hook works everywhere and says what was refused, but C code bypasses
it. The kernel's filter (seccomp, Linux) applies to C as well. Neither needs privileges, so both work in a container. No
library is used: pyseccomp needs libseccomp on the machine, and the others are too new to rely on.
"""

import ctypes
import errno
import logging
import os
import platform
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import cast

log = logging.getLogger(__name__)

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38
SECCOMP_MODE_FILTER = 2
SECCOMP_ALLOW, SECCOMP_ERRNO = 0x7FFF_0000, 0x0005_0000
# Classic BPF: load a word of the call, jump if equal or at least, return.
LOAD, IF_EQUAL, IF_AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
CALL_NUMBER, CALL_ARCHITECTURE = 0, 4  # offsets in the filter's input
X32 = 0x4000_0000  # x86_64 has a second set of numbers from here on

# By machine: its architecture code, and the numbers of system calls that reach the network, start a program or enter
# another process: socket, connect, execve, execveat, ptrace, process_vm_readv, process_vm_writev, io_uring_setup (which
# would open sockets past a filter) and pidfd_getfd. A 32-bit program's socketcall has another architecture code, and is
# therefore refused.
REFUSED_CALLS = {
    "x86_64": (0xC000_003E, [41, 42, 59, 322, 101, 310, 311, 425, 438]),
    "aarch64": (0xC000_00B7, [198, 203, 221, 281, 117, 270, 271, 425, 438]),
}
REFUSED_EVENTS = ("socket.", "subprocess.", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.fork", "pty.")
REFUSED_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
FILES_OPEN_MAX = 256


def limit(*, memory_mb: int, cpu_seconds: int) -> None:
    """Have the kernel limit this process's memory and CPU time.

    File sizes need no limit: no file is opened for writing (`confine`), and the log may be long.
    """
    _lower(resource.RLIMIT_AS, memory_mb * 1024 * 1024)
    _lower(resource.RLIMIT_NOFILE, FILES_OPEN_MAX)
    _lower(resource.RLIMIT_CORE, 0)  # a core dump would hold names
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)  # whatever our parent set
    allow_cpu(cpu_seconds)
    oom = Path("/proc/self/oom_score_adj")
    if oom.exists():
        # If the machine or container runs out of memory anyway, the kernel kills the child, not its worker.
        oom.write_text("1000")


def _lower(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (OSError, ValueError):
        log.warning("This system does not limit %s of a child process.", kind)  # macOS: the address space


def allow_cpu(seconds: int) -> None:
    """Allow this many seconds of CPU time from now on; then the kernel ends the process with SIGXCPU."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    until = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))


def end_with(parent: int) -> None:
    """Have the kernel end this process when the thread that started it ends. Linux only; elsewhere the pipe does."""
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit("The process that started this one has already ended.")


def confine() -> None:
    """Give up the network, other programs and writing files for the rest of this process."""
    sys.dont_write_bytecode = True
    sys.addaudithook(_refuse)
    if sys.platform == "linux" and not _filter_calls():
        log.warning("The kernel does not filter this child's calls; Python's audit hook alone does.")


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(REFUSED_EVENTS) or (event == "open" and cast(int, arguments[2]) & REFUSED_FLAGS):
        raise PermissionError(f"Refused to a confined process: {event}.")


def _filter_calls() -> bool:
    """Let the kernel answer EACCES to the calls in REFUSED_CALLS; return whether it will."""
    mark, numbers = REFUSED_CALLS.get(platform.machine(), (0, []))
    if not mark or sys.maxsize < 2**32:
        return False
    refuse = (RETURN, 0, 0, SECCOMP_ERRNO | errno.EACCES)
    last = len(numbers) + 1  # lines from the first of the numbers to the refusal
    program = [
        (LOAD, 0, 0, CALL_ARCHITECTURE),
        (IF_EQUAL, 1, 0, mark),
        refuse,
        (LOAD, 0, 0, CALL_NUMBER),
        (IF_AT_LEAST, last, 0, X32),
        *((IF_EQUAL, last - index, 0, number) for index, number in enumerate(numbers, start=1)),
        (RETURN, 0, 0, SECCOMP_ALLOW),
        refuse,
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    header = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    return _prctl(PR_SET_NO_NEW_PRIVS, 1) and _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(header))


def _prctl(option: int, *arguments: int) -> bool:
    words = [*arguments, 0, 0, 0, 0][:4]
    answer: int = ctypes.CDLL(None).prctl(ctypes.c_int(option), *map(ctypes.c_ulong, words))
    return answer == 0
