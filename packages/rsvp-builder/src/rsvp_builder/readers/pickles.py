"""Unpickling files that nobody here wrote: plain values and numpy arrays of numbers, nothing that runs.

A pickle is a program. Here it may only name what a caller allows, and numpy's own constructors are never
called: what they are given is kept and turned into an array by :func:`numpy.frombuffer`, since numpy trusts a
pickled dtype to the point of reading memory that it should not.
"""

from __future__ import annotations

import io
import pickle
import re
from typing import Any

import numpy as np
import numpy.typing as npt

Allowed = frozenset[tuple[str, str]]
"""Modules and names that a pickle may use."""

_CORES = ("numpy.core.multiarray", "numpy._core.multiarray")  # numpy 1 and numpy 2

NUMPY: Allowed = frozenset(
    [
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        *((core, name) for core in _CORES for name in ("_reconstruct", "scalar")),
    ]
)
"""What arrays and numbers of numpy are made of, as numpy 1 and numpy 2 name it."""

_NUMBER = re.compile(r"(b1|[iu][1248]|f[248])")


class PickleError(Exception):
    """A pickle that cannot be read, or that names what is not allowed.

    Attributes:
        value: what was read.
        expected: what was expected.
    """

    def __init__(self, value: str, expected: str) -> None:
        super().__init__(f"{value}, expected {expected}")
        self.value = value
        self.expected = expected


class Array:
    """An array of a pickle.

    Attributes:
        values: the array, read-only.
    """

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: npt.NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: object) -> None:
        """Take what numpy would: version, shape, dtype, Fortran order, bytes."""
        match state:
            case (int(), tuple(shape), _Dtype() as dtype, int(fortran), bytes() | str() as raw):
                flat = _numbers(dtype, raw)
                self.values = flat.reshape(shape, order="F" if fortran else "C")
            case _:
                raise ValueError("an array without shape, dtype and bytes")


class _Dtype:
    """A dtype of a pickle: its code, such as ``f8``, and byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="

    def __setstate__(self, state: object) -> None:
        match state:
            case (int(), ("<" | ">" | "|" | "=") as order, None, None, None, *_):
                self.order = order
            case _:
                raise ValueError("a dtype of more than one number")


def _numbers(dtype: _Dtype, raw: bytes | str) -> npt.NDArray[Any]:
    # Python 2 had one type for bytes and text.
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    return np.frombuffer(data, np.dtype(f"{dtype.order}{dtype.code}"))


class _Maker:
    """Stands for a global of numpy.

    An instance without attributes: a pickle can change neither it nor what the next pickle gets.
    """

    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        raise ValueError("a call of what is no function")


class _MakeDtype(_Maker):
    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        code = arguments[0] if arguments else None
        # What a pickle holds is never shown whole: shared parts can make its text endless.
        if not isinstance(code, str) or not _NUMBER.fullmatch(code):
            raise ValueError(f"a dtype {code[:20]!r}" if isinstance(code, str) else "a dtype without a code")
        return _Dtype(code)


class _MakeArray(_Maker):
    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        return Array()


class _MakeScalar(_Maker):
    __slots__ = ()

    def __call__(self, *arguments: object) -> object:
        match arguments:
            case (_Dtype() as dtype, bytes() | str() as raw):
                return _numbers(dtype, raw).reshape(()).item()
            case _:
                raise ValueError("a number that is none")


_MAKERS: dict[tuple[str, str], _Maker] = {
    ("numpy", "ndarray"): _Maker(),
    ("numpy", "dtype"): _MakeDtype(),
    **{(core, "_reconstruct"): _MakeArray() for core in _CORES},
    **{(core, "scalar"): _MakeScalar() for core in _CORES},
}


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Allowed, encoding: str) -> None:
        super().__init__(io.BytesIO(data), encoding=encoding)
        self._allowed = allowed

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in self._allowed:
            raise PickleError(
                f"the name {module}.{name}", "lists, dicts, strings and numbers, no other types"
            )
        return _MAKERS.get((module, name)) or super().find_class(module, name)


def load(data: bytes, allowed: Allowed, *, encoding: str = "latin1") -> object:
    """Unpickle lists, dicts, strings, numbers and whatever else is allowed.

    Numbers of numpy come as Python's, arrays as :class:`Array`.

    Args:
        data: the pickle.
        allowed: modules and names that it may use, such as :data:`NUMPY`.
        encoding: of the strings of Python 2; latin1 is that of numpy's bytes.

    Raises:
        PickleError: it names something else, or is no pickle.
    """
    _check_size(data)
    try:
        return _Unpickler(data, allowed, encoding).load()
    except PickleError:
        raise
    except Exception as error:  # damaged pickles fail in many ways; all mean the same here
        message = str(error) or type(error).__name__
        raise PickleError(message[:160], "a pickle of plain values") from error


MOST_STEPS = 16_000_000
"""Opcodes of a pickle above which it is refused."""
_SETS = frozenset({0x8F, 0x91})
_LENGTHS = {b"C": 1, b"U": 1, b"\x8c": 1, b"\x8a": 1, b"B": 4, b"T": 4, b"X": 4, b"\x8b": 4}
_LENGTHS |= {b"\x8d": 8, b"\x8e": 8, b"\x96": 8}
_FIXED = {b"K": 1, b"M": 2, b"J": 4, b"G": 8, b"h": 1, b"j": 4, b"q": 1, b"r": 4}
_FIXED |= {b"\x80": 1, b"\x82": 1, b"\x83": 2, b"\x84": 4, b"\x95": 8}
_LINES = {b"F": 1, b"I": 1, b"L": 1, b"S": 1, b"V": 1, b"P": 1, b"g": 1, b"p": 1, b"c": 2, b"i": 2}


def _operands() -> tuple[list[int], list[int], list[int]]:
    """Of each opcode: bytes of its operand, bytes of its operand's length, lines of its operand."""
    tables = []
    for table in (_FIXED, _LENGTHS, _LINES):
        by_code = [0] * 256
        for code, number in table.items():
            by_code[code[0]] = number
        tables.append(by_code)
    return tables[0], tables[1], tables[2]


def _check_size(data: bytes) -> None:
    """Refuse what takes much more memory than the pickle is long.

    That is a memo larger than the pickle, since the interpreter would make room for all of it; more values
    than any release has, since an empty list is one byte here and 56 there; and sets, of 216.
    Source: the opcodes of the standard library's ``pickletools``.
    """
    fixed, lengths, lines = _operands()
    at, end, steps = 0, len(data), 0
    while at < end:
        code = data[at]
        at += 1
        steps += 1
        start = at
        if code in _SETS:
            raise PickleError("a set", "lists, dicts, strings and numbers, no other types")
        if steps > MOST_STEPS:
            raise PickleError(f"more than {MOST_STEPS} steps", f"a pickle of at most {MOST_STEPS} steps")
        if code == 0x2E:  # the stop
            return
        if lengths[code]:
            at += lengths[code]
            at += int.from_bytes(data[start:at], "little")
        elif lines[code]:
            for _ in range(lines[code]):
                at = data.find(b"\n", at) + 1
                if not at:
                    return  # cut off, as the unpickler will say
        else:
            at += fixed[code]
        place = b""
        if code == 0x72:  # into the memo, at a place of four bytes
            place = str(int.from_bytes(data[start:at], "little")).encode()
        elif code == 0x70:  # the same, at a place of a line
            place = data[start:at].strip()
        if place.isdigit() and (len(place) > 18 or int(place) > end):
            told = place[:20].decode()
            raise PickleError(f"a memo of {told} places", f"one of at most {end}, as long as the pickle")
