"""Run a management command on the running product: make manage ARGS="shell"."""

import os
import sys

from config.local.environment import read_env, var_folder
from config.local.programs import MANAGE, ROOT


def main() -> None:
    path = var_folder() / "run" / "environment"
    if not path.exists():
        sys.exit("The product is not running here: start it with `make run`, then repeat this in another terminal.")
    os.chdir(ROOT)
    os.execve(MANAGE[0], [*MANAGE, *sys.argv[1:]], {**os.environ, **read_env(path)})


if __name__ == "__main__":
    main()
