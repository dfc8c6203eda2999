"""`make reset`: delete the data of `make run`. Its secrets stay; an external database is not touched."""

import shutil

from config.local.environment import var_folder
from config.local.run import only_one

# Files and folders of var/ that hold data; packages, caches and secrets are none.
DATA = [
    "postgres*",
    "valkey",
    "files",
    "mail",
    "static",
    "log",
    "stripe.json",
    "demonstration-*",
    "run/beat-schedule*",
]


def main() -> None:
    var = var_folder()
    with only_one(var):  # not while the product runs
        for path in [path for name in DATA for path in var.glob(name)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    print(f"The data in {var} are deleted; `make run` starts with new ones.")


if __name__ == "__main__":
    main()
