"""Loaded by schemathesis: half of the requests name rows that exist; most others would end at "not found".

FUZZ_VALUES is a JSON file of the known values of path parameters.
"""

import json
import os
import random
from pathlib import Path
from typing import Any

import schemathesis

KNOWN: dict[str, list[str]] = json.loads(Path(os.environ["FUZZ_VALUES"]).read_text(encoding="utf-8"))


def known_values(parameters: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the parameters with the names of existing rows, by `path parameter` or by the parameter alone."""
    return {
        name: random.choice(KNOWN.get(f"{path} {name}") or KNOWN.get(name) or [value])
        for name, value in parameters.items()
    }


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    if path_parameters and random.random() < 0.5:
        return known_values(path_parameters, context.operation.path)
    return path_parameters
