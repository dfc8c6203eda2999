"""`make sweep`: look for secrets in everything that the running product shows, sends, stores and logs.

Prints figures. Exit code 1: a leak; 2: the sweep did not find what was planted, or did not open all it should.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from tests import services

CONTROLS_IN = {
    "field": ("^api coordinator GET", "^admin superuser GET", "^dump"),
    "paper": ("^api finance GET .*/pdf/", "^file "),
    "attachment": ("^file .*planted.pdf",),
    "mail": ("^mail",),
    "redis": ("^redis",),
    "web": ("^log web",),
    "worker": ("^log worker",),
    "postgres": ("^log postgres",),
    "sealed": ("^dump",),
}


def main() -> int:
    servers = services.start_for_program()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=services.PREFIX) as name:
        from tests.sweep import product as products

        with products.started(Path(name)) as (product, story):
            os.environ.update(product.env)
            import django

            django.setup()  # on the product's own database, in which the walk finds its arguments
            from tests.sweep.long import Sweep

            sweep = Sweep(product, story, Path(name), servers.folder / "services.log")
            return sweep.run(lambda text: print(f"{time.perf_counter() - began:6.1f} s  {text}", flush=True))


if __name__ == "__main__":
    sys.exit(main())
