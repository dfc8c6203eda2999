"""`make lock`: turn pyproject.toml into lock files that name exact versions and hashes, and no index host."""

import subprocess
import sys

from config.local.programs import BIN, ROOT

# One lock for every supported Python and system: markers decide at installation.
COMMON = ["--universal", "--python-version=3.11", "--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"]
FILES = {"requirements.txt": [], "requirements-dev.txt": ["--group", "dev"]}


def main() -> None:
    upgrade = sys.argv[1:]  # make lock ARGS="--upgrade-package django"
    for name, group in FILES.items():
        command = [str(BIN / "uv"), "pip", "compile", "pyproject.toml", *group, *COMMON, "-o", name, *upgrade]
        subprocess.run(command, cwd=ROOT, check=True)
        print(f"{name} is up to date")


if __name__ == "__main__":
    main()
