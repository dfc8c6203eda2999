"""`make attack`: run every attack of this package, print its figures, and fail if one succeeds."""

import argparse
import importlib
import pkgutil
import sys
import time

from tests import attacks, services


def names() -> list[str]:
    """Return the modules that attack."""
    found = [module.name for module in pkgutil.iter_modules(attacks.__path__)]
    return sorted(name for name in found if not name.startswith(("_", "test_")))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join(names())}; all of them if none is named")
    wanted = parser.parse_args().only or names()
    services.start_for_program()
    lost = []
    for name in wanted:
        began = time.perf_counter()
        attack = importlib.import_module(f"tests.attacks.{name}")
        figures: dict[str, int] = attack.run()
        held = attack.holds(figures)
        print(f"{'held  ' if held else 'LOST  '}  {name}  ({time.perf_counter() - began:.0f} s)")
        for what, count in figures.items():
            print(f"{count:>10,}  {what}", flush=True)
        if not held:
            lost.append(name)
    print(f"{len(wanted) - len(lost)} of {len(wanted)} attacks were held{': ' if lost else ''}{', '.join(lost)}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
