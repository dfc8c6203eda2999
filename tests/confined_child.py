"""A confined child of the tests: does what the file that it is sent says."""

import os
import socket
import time

from logistics.confined import frames, serving


def main() -> None:
    with serving.serve(file_max=100) as (answers, file):
        match file:
            case b"spin":
                while True:
                    pass
            case b"sleep":
                time.sleep(600)
            case b"hoard":
                frames.write(answers, {"held": len(bytearray(2**30))})
            case b"talk":
                frames.write(answers, {"words": "x" * 2_000_000})
            case b"call":
                frames.write(answers, {"refused": refused()})
            case b"secrets":
                frames.write(answers, {"names": sorted(os.environ)})
            case b"crash":
                os._exit(3)
            case _:
                frames.write(answers, {"file": file.decode()})


def refused() -> str:
    try:
        socket.socket()
    except PermissionError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main()
