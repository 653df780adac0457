"""Pickles of strangers: numbers and arrays come out as numpy would give them, and nothing else happens."""

from __future__ import annotations

import collections
import os
import pickle
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rsvp_builder.readers.pickles import NUMPY, Array, PickleError, load

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=20,
)
numbers = hnp.arrays(
    dtype=st.sampled_from(["<f8", ">f8", "<f4", "<i8", ">i4", "|u1", "|b1", "<u2"]),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def text(*, module: str, name: str, arguments: bytes = b")") -> bytes:
    """A pickle that calls a global."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + arguments + b"R."


@given(plain, st.sampled_from([0, 1, 2, 3, 4, 5]))
def test_plain_values_come_out_as_they_were(value, protocol):
    assert load(pickle.dumps(value, protocol=protocol), NUMPY) == value


@given(numbers, st.sampled_from([3, 4]), st.booleans())
def test_arrays_come_out_as_numpy_gives_them(array, protocol, turned):
    array = array.T if turned else array
    got = load(pickle.dumps({"a": array}, protocol=protocol), NUMPY)
    assert isinstance(got["a"], Array)
    np.testing.assert_array_equal(got["a"].values, array)
    assert got["a"].values.shape == array.shape
    assert got["a"].values.dtype.kind == array.dtype.kind


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.sampled_from([3, 4]))
def test_numbers_of_numpy_become_numbers_of_python(whole, real, protocol):
    got = load(pickle.dumps([np.int64(whole), np.float64(real), np.bool_(True)], protocol=protocol), NUMPY)
    assert got == [whole, real, True]
    assert [type(value) for value in got] == [int, float, bool]


@pytest.mark.parametrize("core", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_both_spellings_of_numpy_are_read(core):
    data = pickle.dumps([np.arange(4.0), np.int64(7)], protocol=3)
    [own] = {b"numpy._core.multiarray", b"numpy.core.multiarray"} & {
        line.lstrip(b"(]qc\x00\x01\x80\x03") for line in data.split(b"\n")
    } or {b"numpy._core.multiarray"}
    assert data.count(own) == 2
    array, number = load(data.replace(own, core.encode()), NUMPY)
    np.testing.assert_array_equal(array.values, [0, 1, 2, 3])
    assert number == 7


def test_strings_and_arrays_of_python_2_are_read():
    # What Python 2 writes in protocol 2: short strings are bytes, and so is the content of an array.
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
        b"(K\x01K\x02\x85cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x10" + struct.pack("<2d", 1.5, -2.0) + b"tb"
    )
    caption = "h\xe9liport".encode()
    data = b"\x80\x02]" + array + b"a" + b"U" + bytes([len(caption)]) + caption + b"a."
    values, latin = load(data, NUMPY)
    np.testing.assert_array_equal(values.values, [1.5, -2.0])
    assert latin.encode("latin1") == caption
    assert load(data, NUMPY, encoding="latin1")[1] == latin
    only_text = b"\x80\x02U" + bytes([len(caption)]) + caption + b"."
    assert load(only_text, frozenset(), encoding="utf-8") == "h\xe9liport"


class Runs:
    """Runs a function when it is unpickled."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "named"),
    [
        (os.mkdir, f"{os.mkdir.__module__}.mkdir"),
        (eval, "builtins.eval"),
        (subprocess.call, "subprocess.call"),
    ],
)
def test_what_is_not_allowed_is_named_and_not_run(function, named, protocol, tmp_path):
    made = tmp_path / "made"
    argument = f"__import__('os').mkdir({str(made)!r})" if function is eval else str(made)
    data = pickle.dumps([1, Runs(function, argument)], protocol=protocol)
    with pytest.raises(PickleError) as caught:
        load(data, NUMPY)
    assert named.rpartition(".")[2] in caught.value.value
    assert "lists, dicts, strings and numbers" in caught.value.expected
    assert not made.exists()
    pickle.loads(pickle.dumps(Runs(os.mkdir, str(made))))  # it does run where nothing forbids it
    assert made.exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("numpy", "load"),
        ("numpy", "memmap"),
        ("numpy.core.multiarray", "fromfile"),
        ("builtins", "getattr"),
        ("numpy", "ndarray.__reduce__"),
        ("rsvp_builder.readers.pickles", "_MAKERS"),
        ("copyreg", "_reconstructor"),
    ],
)
def test_nothing_else_of_a_module_is_allowed(module, name):
    with pytest.raises(PickleError, match=name):
        load(text(module=module, name=name), NUMPY)


def test_numpy_itself_is_allowed_only_where_it_is_asked_for():
    data = pickle.dumps(np.arange(3))
    with pytest.raises(PickleError, match=r"numpy\._core\.multiarray\._reconstruct"):
        load(data, frozenset())


def test_other_names_can_be_allowed():
    data = pickle.dumps(collections.OrderedDict(a=1))
    assert load(data, frozenset({("collections", "OrderedDict")})) == {"a": 1}


@pytest.mark.parametrize(
    "array",
    [
        np.array([{}, []], object),
        np.zeros(2, [("a", "f8")]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array(["x"]),
    ],
    ids=["objects", "records", "dates", "texts"],
)
def test_arrays_of_other_things_than_numbers_are_refused(array):
    with pytest.raises(PickleError, match="dtype"):
        load(pickle.dumps(array, protocol=4), NUMPY)


DTYPE = b"cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<NNNK\x08K\x08K\x00tb"
EMPTY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"


@pytest.mark.parametrize(
    "body",
    [
        EMPTY + b"(K\x01M\xff\xff\x85" + DTYPE + b"\x89U\x08" + bytes(8) + b"tb",
        EMPTY + b"(K\x01K\x01\x85" + DTYPE + b"\x89U\x07" + bytes(7) + b"tb",
        EMPTY + b"(K\x01K\x01\x85" + DTYPE + b"\x89K\x07tb",
        EMPTY + b"K\x01b",
        b"cnumpy\ndtype\n(U\x02f8K\x00K\x01tR(K\x03U\x01<U\x01xNNK\x08K\x08K\x00tb",
        b"cnumpy\ndtype\n)R",
        b"cnumpy\nndarray\n(J\xff\xff\xff\x7ftR",
        b"cnumpy\nndarray\n}U\x01xK\x01sb",
        b"cnumpy.core.multiarray\nscalar\n(U\x02f8U\x08" + bytes(8) + b"tR",
        b"cnumpy.core.multiarray\nscalar\n(" + DTYPE + b"U\x10" + bytes(16) + b"tR",
    ],
    ids=[
        "larger than its bytes",
        "bytes cut off",
        "no bytes",
        "no state",
        "a dtype with fields",
        "a dtype of nothing",
        "an array by its constructor",
        "a change of a type",
        "a number without a dtype",
        "a number of too many bytes",
    ],
)
def test_crafted_arrays_are_refused(body):
    with pytest.raises(PickleError):
        load(b"\x80\x02" + body + b".", NUMPY)
    np.testing.assert_array_equal(load(pickle.dumps(np.arange(3)), NUMPY).values, [0, 1, 2])


def test_a_memo_that_would_fill_the_memory_is_refused_at_once():
    for put in (b"r" + (2**31).to_bytes(4, "little"), b"p99999999999\n", b"p" + b"9" * 5000 + b"\n"):
        with pytest.raises(PickleError, match="memo"):
            load(b"\x80\x02]" + put + b".", NUMPY)


def test_the_same_bytes_in_a_string_are_no_memo():
    inside = "r" + "\x7f" * 8 + "p99999999999\n"
    assert load(pickle.dumps([inside, inside.encode()], protocol=4), NUMPY) == [inside, inside.encode()]


def test_a_value_whose_text_is_endless_is_refused_briefly():
    # A list that holds itself twice, forty times over.
    nested = b"]" + b"".join(b"q%c](h%ch%ce" % (n, n, n) for n in range(40))
    data = b"\x80\x02cnumpy\ndtype\n" + nested + b"\x85R."
    with pytest.raises(PickleError) as caught:
        load(data, NUMPY)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=200))
def test_garbage_is_told_and_nothing_else(data):
    try:
        load(data, NUMPY)
    except PickleError as error:
        assert error.value
        assert error.expected


@given(st.data())
def test_a_pickle_that_is_cut_off_or_changed_is_told(data):
    whole = pickle.dumps([{"mask": {"size": [4, 4], "counts": "abc"}, "bbox": np.arange(4.0)}], protocol=4)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(PickleError):
        load(whole[:cut], NUMPY)
    changed = bytearray(whole)
    changed[cut] = data.draw(st.integers(0, 255))
    try:
        load(bytes(changed), NUMPY)
    except PickleError as error:
        assert error.value


def test_the_interpreter_does_not_keep_what_a_pickle_did():
    before = set(Path(__file__).parent.iterdir())
    for name in ("_reconstruct", "scalar"):
        with pytest.raises(PickleError):
            load(b"\x80\x02cnumpy.core.multiarray\n" + name.encode() + b"\n}U\x01xK\x01sb.", NUMPY)
        with pytest.raises(PickleError):
            load(b"\x80\x02cnumpy.core.multiarray\n" + name.encode() + b"\nN}U\x08__call__Ns\x86b.", NUMPY)
    assert load(pickle.dumps(np.int64(3), protocol=3), NUMPY) == 3
    assert set(Path(__file__).parent.iterdir()) == before
