"""Papers are printed in a child process with limits: a bomb kills the child, not its worker.

    printer.start()                                     # when a worker starts: warm before the first paper
    printer.to_pdf(template, context, languages=...)    # as rendering.to_pdf

`process.py` is the worker's side, `child.py` the other one, `confinement.py` what the child gives up, `frames.py` what
goes between them. Each process that prints has one printer of its own, and its child ends with it.
"""

import atexit
import os

from logistics.documents.printer.process import Child, Limits, Printer

__all__ = ["Child", "Limits", "Printer", "start", "stop", "to_pdf"]

_printer = Printer()
start, stop, to_pdf = _printer.start, _printer.stop, _printer.to_pdf
atexit.register(stop)
os.register_at_fork(after_in_child=_printer.forget_after_fork)
