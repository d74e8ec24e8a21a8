"""Errors with a sentence of this project's own, told from those that a library raised."""

import dis
from types import TracebackType

PACKAGE = __name__.split(".")[0]
RAISE = dis.opmap["RAISE_VARARGS"]


def ours(error: BaseException) -> bool:
    """Whether a ``raise`` of this project's code made the error, so that its text is a sentence for people.

    A library's ValueError passes through the same functions, but its words are about arrays, not about files. What is
    written in C (``int``, ``numpy.array``) leaves no frame of its own, so the last instruction tells.
    """
    step: TracebackType | None = error.__traceback__
    if step is None:
        return False
    while step.tb_next is not None:
        step = step.tb_next
    named = str(step.tb_frame.f_globals.get("__name__", "")).split(".")[0]
    return named in (PACKAGE, "__main__") and step.tb_frame.f_code.co_code[step.tb_lasti] == RAISE


def first_line(error: BaseException, limit: int = 160) -> str:
    """The first line of what an error says, or its kind where it says nothing."""
    said = str(error).strip().splitlines()
    line = "".join(letter if letter.isprintable() else " " for letter in said[0][:limit]) if said else ""
    return line.strip() or type(error).__name__
