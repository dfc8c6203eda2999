"""Prints papers in a child process with limits, so that a bomb kills the child and not its worker.

    printer.start()                                     # when a worker starts, to be warm before the first paper
    printer.to_pdf(template, context, languages=...)    # like rendering.to_pdf

`process.py` is the worker's side, `child.py` the child's; `logistics/confined` drops the child's rights and has the
protocol between them. Each process that prints has its own printer, and the child ends with it.
"""

import atexit
import os

from logistics.documents.printer.process import Child, PaperLimits, Printer

__all__ = ["Child", "PaperLimits", "Printer", "start", "stop", "to_pdf"]

_printer = Printer()
start, stop, to_pdf = _printer.start, _printer.stop, _printer.to_pdf
atexit.register(stop)
os.register_at_fork(after_in_child=_printer.forget_after_fork)
