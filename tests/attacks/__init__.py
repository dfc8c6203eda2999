"""Attacks on the product. Each module has `run() -> dict[str, int]`, which attacks and returns figures, and
`holds(figures) -> bool`. `make attack` runs every module of this package.
"""
