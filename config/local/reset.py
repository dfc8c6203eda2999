"""`make reset`: forget the data of `make run`. Its secrets stay; a real database that was named is not touched."""

import shutil

from config.local.environment import var_folder
from config.local.run import only_one

# Files and folders of var/ that hold what people did; packages, caches and secrets are not data.
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
    with only_one(var):  # not under the feet of a running product
        for path in [path for name in DATA for path in var.glob(name)]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    print(f"The data in {var} are gone; `make run` starts anew.")


if __name__ == "__main__":
    main()
