"""Child processes for untrusted input: limited in memory and time, without secrets, network, programs or writing files.

`confinement.py` is what a child gives up, `frames.py` the protocol to talk to it. `once.py` runs a child for one
request, and `serving.py` is that child's side: spreadsheets are read that way. Papers are printed in a child that
stays, which is in `logistics/documents/printer`.
"""
