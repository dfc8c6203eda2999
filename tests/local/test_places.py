"""`make run` and the tests in different places: below /root, beside a second clone, on a small or unusual machine."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from config.local import account, processes
from config.local.environment import PortTaken, listen_on, read_env
from config.local.postgres import Postgres
from config.local.programs import ROOT
from tests import services
from tests.local.clones import clone, clone_for_everybody, give_to
from tests.processes import eventually

pytestmark = pytest.mark.processes

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another account, or close a door to it")
HAS_IPV6 = Path("/proc/net/if_inet6").exists() and "lo" in Path("/proc/net/if_inet6").read_text()
LONG = "a-folder-for-temporary-files-" * 4  # no path of a socket fits behind it


@dataclass
class Clone:
    """A clone in which `make run` is running."""

    folder: Path
    python: Path
    env: dict[str, str]
    user: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def screen(self) -> str:
        path = self.folder.parent / "screen"
        return path.read_text() if path.exists() else ""

    def start(self) -> None:
        with (self.folder.parent / "screen").open("wb") as output:
            self.process = processes.start(
                [str(self.python), "-m", "config.local.run"],
                env=self.env,
                output=output,
                user=self.user,
                death_signal=signal.SIGINT,
                cwd=self.folder,
            )

    def programs_of_postgres(self) -> Path:
        """Return the folder from which its PostgreSQL was loaded."""
        assert self.process is not None
        parts = psutil.Process(self.process.pid).children()
        return next(Path(part.exe()) for part in parts if part.name() == "postgres").parents[3]

    @property
    def runs(self) -> bool:
        return "The product is running" in self.screen

    @property
    def ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def place(self, name: str) -> str:
        """Return a URL that was printed."""
        return next(line.split()[1] for line in self.screen.splitlines() if line.strip().startswith(f"{name}:"))

    def interrupt(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(60)


def bare(**more: str) -> dict[str, str]:
    """Return the environment of a new shell."""
    return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "DEMO": "false", **more}


def made_for_root(folder: Path) -> Clone:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    temporary = closed / LONG
    temporary.mkdir(mode=0o700)
    place = closed / "The first é, à"
    return Clone(place, clone(place), bare(HOME=str(closed), TMPDIR=str(temporary)))


def made_for_somebody(folder: Path) -> Clone:
    home = folder / "home"
    home.mkdir(mode=0o700)
    place = home / "relief"
    python = clone_for_everybody(place)
    give_to("nobody", home)
    return Clone(place, python, bare(HOME=str(home), LD_LIBRARY_PATH=str(place / ".python" / "lib")), user="nobody")


@pytest.fixture(scope="module")
def two_clones() -> Iterator[list[Clone]]:
    """Two clones started concurrently: root's, in a folder that nobody else may enter, and an ordinary user's."""
    with tempfile.TemporaryDirectory(prefix="relief-clones-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        clones = [made_for_root(folder), made_for_somebody(folder)]
        for each in clones:
            each.start()
        try:
            eventually(lambda: all(each.runs or each.ended for each in clones), within=240, what="both to run")
            yield clones
        finally:
            for each in clones:
                if each.process and not each.ended:
                    processes.stop(each.process, within=60)


@pytest.mark.long
@needs_root
def test_two_clones_run_side_by_side_and_leave_nothing_behind(two_clones: list[Clone]):
    for each in two_clones:
        assert not each.ended, each.screen
    roots, _ = two_clones
    sites = [each.place("Health") for each in two_clones]
    stand_ins = [each.place("Stripe").removesuffix("/_control/") for each in two_clones]
    keys = [read_env(each.folder / "var" / "secrets.env")["STRIPE_SECRET_KEY"] for each in two_clones]
    copied = roots.programs_of_postgres()

    assert len({*sites, *stand_ins}) == 4
    assert [status(site) for site in sites] == [200, 200]
    assert [[events(url, key) for key in keys] for url in stand_ins] == [[200, 401], [401, 200]]
    assert [(each.folder / "var" / "postgres").owner() for each in two_clones] == ["nobody", "nobody"]
    assert [(each.folder / "var" / "postgres").stat().st_mode & 0o077 for each in two_clones] == [0, 0]
    assert copied.name.startswith(account.PREFIX)

    assert [each.interrupt() for each in two_clones] == [0, 0]
    assert [each.screen for each in two_clones if "Stopped in" not in each.screen] == []
    assert not copied.exists()
    assert list(Path(roots.env["TMPDIR"]).iterdir()) == []


def status(url: str, **headers: str) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def events(stand_in: str, key: str) -> int:
    return status(f"{stand_in}/v1/events", Authorization=f"Bearer {key}")


@needs_root
@pytest.mark.long
def test_tests_run_for_root_in_a_folder_that_nobody_else_may_enter(tmp_path: Path):
    tmp_path.chmod(0o700)
    place = tmp_path / "é à"
    python = clone(place)
    (place / "var").mkdir()
    services.copy_folder(services.CACHE, place / "var" / "cache")  # migrations take long, and are not tested here

    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/local/test_services.py"]
    done = subprocess.run(command, cwd=place, env=bare(HOME=str(tmp_path)), capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout


@contextmanager
def a_port_of_somebody(family: socket.AddressFamily, host: str) -> Iterator[int]:
    """A port that is bound but not listening yet, which looks free to a connection attempt."""
    with socket.socket(family) as other:
        other.bind((host, 0))
        yield other.getsockname()[1]


def test_a_port_in_use_ends_the_command_before_anything_starts(tmp_path: Path):
    var = tmp_path / "var"

    with a_port_of_somebody(socket.AF_INET, "127.0.0.1") as port:
        done = subprocess.run(
            [sys.executable, "-m", "config.local.run"],
            cwd=ROOT,
            env=bare(HOME=str(tmp_path), VAR_DIR=str(var), PORT=str(port)),
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout == f"Port {port} is taken already. Choose another one: make run PORT=8123\n"
    assert not (var / "postgres").exists()


@pytest.mark.skipif(not HAS_IPV6, reason="this machine has no IPv6")
def test_a_port_in_use_on_any_localhost_address_counts_as_taken():
    with a_port_of_somebody(socket.AF_INET6, "::1") as port, pytest.raises(PortTaken, match="is taken already"):
        listen_on(str(port))


@pytest.mark.parametrize("port", ["0", "eighty", "70000", "-1"])
def test_an_invalid_port_is_refused(port: str):
    with pytest.raises(PortTaken, match=f"PORT={port} is not a port"):
        listen_on(port)


CHOOSE = """
import sys
from config.local.environment import compose
for line in sys.stdin:
    local = compose({"VAR_DIR": sys.argv[1]})
    print(local.port, local.stripe[0].getsockname()[1], local.valkey.port, flush=True)
    sys.stdin.readline()
    [listener.close() for listener in (*local.web, *local.stripe)]
    print(flush=True)
"""


def test_concurrent_starts_never_choose_the_same_port(tmp_path: Path):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", CHOOSE, str(tmp_path / name)],
            cwd=ROOT,
            env=bare(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]

    def both_go_on() -> list[str]:
        for one in both:
            assert one.stdin
            one.stdin.write("go on\n")
            one.stdin.flush()
        return [port for one in both if one.stdout for port in one.stdout.readline().split()]

    rounds = []
    for _ in range(30):
        rounds.append(both_go_on())
        both_go_on()
    for one in both:
        one.communicate()

    assert [ports for ports in rounds if len(ports) != 6 or len(set(ports)) != 6] == []


def test_without_ipv6_localhost_is_only_the_ipv4_address(tmp_path: Path):
    code = """
import socket
from config.local import processes
def none(family=socket.AF_INET, *rest, made=socket.socket):
    if family == socket.AF_INET6:
        raise OSError(97, "Address family not supported by protocol")
    return made(family, *rest)
processes.socket.socket = none
print([listener.getsockname()[0] for listener in processes.listen(0, as_localhost=True)])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout == "['127.0.0.1']\n"


def on_a_small_disk(folder: Path, megabytes: int) -> list[str]:
    """Return a command prefix that mounts a small disk at a folder for one command; skip if that is impossible."""
    folder.mkdir()
    alone = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    mount = f'mount -t tmpfs -o size={megabytes}m none "$0" && exec "$@"'
    command = [*alone, "sh", "-c", mount, str(folder)]
    if not shutil.which("unshare") or subprocess.run([*command, "true"], check=False).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    return command


def test_a_full_disk_is_reported_with_advice(tmp_path: Path):
    var = tmp_path / "var"
    small = on_a_small_disk(var, 30)

    done = subprocess.run(
        [*small, sys.executable, "-m", "config.local.run"],
        cwd=ROOT,
        env=bare(HOME=str(tmp_path), VAR_DIR=str(var)),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert f"The disk that holds {var} is full" in done.stdout
    assert "Free some space, or set VAR_DIR" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@needs_root
@pytest.mark.parametrize("lost", ["setuid", "chown"])
def test_a_root_that_cannot_switch_accounts_gets_advice(tmp_path: Path, lost: str):
    if not shutil.which("setpriv"):
        pytest.skip("util-linux is not here, which takes rights away")
    limited = ["setpriv", f"--bounding-set=-{lost}", "--no-new-privs", sys.executable, "-m", "config.local.run"]

    done = subprocess.run(
        limited, cwd=ROOT, env=bare(VAR_DIR=str(tmp_path / "var")), capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "run it as an ordinary user" in done.stdout
    assert "DATABASE_URL" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@needs_root
def test_program_files_of_a_killed_run_are_removed_unless_in_use(tmp_path: Path):
    left, used, young = (tmp_path / f"{account.PREFIX}{name}" for name in ("left", "used", "young"))
    for folder in (left, used, young):
        folder.mkdir()
    for folder in (left, used):
        os.utime(folder, (0, 0))
    account.hold(used)

    account.forget_left_over(tmp_path)

    assert sorted(tmp_path.iterdir()) == [used, young]


def test_program_files_that_do_not_fit_on_the_disk_are_refused_and_leave_nothing(tmp_path: Path):
    code = """
import sys
from pathlib import Path
from config.local import account
try:
    account.copy_into(Path(sys.argv[1]))
except OSError as error:
    print(error, list(Path(sys.argv[1]).iterdir()))
"""
    small = on_a_small_disk(tmp_path / "small", 1)

    done = subprocess.run(
        [*small, sys.executable, "-c", code, str(tmp_path / "small")],
        cwd=ROOT,
        env=bare(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert "No space left on device" in done.stdout
    assert done.stdout.endswith(" []\n")
    assert done.stdout.count("No space left") == 1


def test_a_socket_works_at_any_path(tmp_path: Path):
    folder = tmp_path / LONG / "with, comma é" / "postgres"
    server = Postgres(folder, durable=False)
    services.copy_folder(services.migrated_server(tmp_path), tmp_path / "copied")
    folder.parent.mkdir(parents=True)
    (tmp_path / "copied").rename(folder)

    with (tmp_path / "log").open("wb") as log:
        process = server.start(output=log)
    try:
        assert server.has(services.TEMPLATE)
    finally:
        processes.stop(process, by=signal.SIGQUIT)
