"""Label files in XML: what is refused, and that objects are counted and placed as a parser places them."""

from __future__ import annotations

import gc
from xml.parsers import expat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.ledger import Reason
from rsvp_builder.readers.xml import XmlError, count_of, lines_of, many_trees, parse


def placed(data: bytes, tag: str) -> list[int]:
    """The line of each start tag of that name, as expat tells it."""
    lines = []
    parser = expat.ParserCreate()

    def start(name: str, _attributes: dict[str, str]) -> None:
        if name == tag:
            lines.append(parser.CurrentLineNumber)

    parser.StartElementHandler = start
    parser.Parse(data, True)
    return lines


PIECES = st.sampled_from(
    [
        "<object>", "<object>\n", "<object\n a='1'>", "<object\t>", "<objects>", "<object.part>", "<name>",
    ]
)  # fmt: skip
BETWEEN = st.sampled_from(
    [
        "", "\n", "\n\n\t", "ship", "what <!-- <object>\n<object/> --> now", "<![CDATA[<object>\n]]>",
        "<?tool <object> ?>", "<object/>", "<object\n/>", "<!---->", "<![CDATA[ <!-- ]]>", "why? so!", "\r\n",
    ]
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """Well-formed XML with real objects among what only looks like them."""
    text = draw(st.sampled_from(["", "<?xml version='1.0' encoding='utf-8'?>\n", "<!-- <object> -->\n"]))
    text += "<annotation>"
    for _ in range(draw(st.integers(0, 8))):
        start = draw(PIECES)
        name = start.strip("<>\n\t").split()[0]
        text += f"{draw(BETWEEN)}{start}{draw(BETWEEN)}</{name}>"
    return (text + draw(BETWEEN) + "</annotation>").encode()


class TestPlaces:
    @given(documents())
    def test_objects_are_counted_and_placed_as_a_parser_does(self, data) -> None:
        assert lines_of(data, "object") == placed(data, "object")
        assert count_of(data, "object") == len(list(parse(data).iter("object")))

    def test_a_file_that_is_cut_off_shows_what_it_still_has(self) -> None:
        assert count_of(b"<annotation>\n<object><name>ship</name></object>\n<object><na", "object") == 2
        assert count_of(b"<annotation>\n<object", "object") == 0
        assert count_of(b"", "object") == 0


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "value", "line"),
        [
            (b"", "an empty file", None),
            (b" \n ", "an empty file", None),
            (b"<a>\n<b></a>", "mismatched tag", 2),
            (b"<a>\n\xe9</a>", "not well-formed", 2),
            (b'<?xml version="1.0"?>\n<!DOCTYPE a SYSTEM "file:///etc/passwd">\n<a/>', "<!DOCTYPE", 2),
            (b"<a>\n\n<!ENTITY x 'y'></a>", "<!ENTITY", 3),
            (b"<a>&nothing;</a>", "undefined entity", 1),
            (b'<?xml version="1.0" encoding="utf-7"?><a/>', "encoding utf-7", None),
            ("<a/>".encode("utf-16-le"), "UTF-16", None),
            (b"just text", "syntax error", 1),
        ],
    )
    def test_what_is_no_safe_xml_is_refused_with_its_line(self, data, value, line) -> None:
        with pytest.raises(XmlError) as caught:
            parse(data)
        assert caught.value.reason is Reason.LABEL_UNREADABLE
        assert value in caught.value.value
        assert caught.value.line == line

    def test_entities_that_grow_are_refused_before_they_do(self) -> None:
        grow = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(30))
        with pytest.raises(XmlError, match="DOCTYPE"):
            parse(f'<!DOCTYPE a [<!ENTITY a0 "ha">{grow}]><a>&a30;</a>'.encode())

    def test_latin_1_is_read_where_the_file_says_so(self) -> None:
        tree = parse(b'<?xml version="1.0" encoding="ISO-8859-1"?><a><b> caf\xe9 </b></a>')
        assert tree.findtext("b") == " caf\u00e9 "


@pytest.mark.parametrize("before", [True, False])
def test_the_collector_is_as_it_was_after_many_trees(before) -> None:
    was = gc.isenabled()
    try:
        (gc.enable if before else gc.disable)()
        with pytest.raises(ZeroDivisionError), many_trees():
            assert not gc.isenabled()
            raise ZeroDivisionError
        assert gc.isenabled() == before
    finally:
        (gc.enable if was else gc.disable)()
