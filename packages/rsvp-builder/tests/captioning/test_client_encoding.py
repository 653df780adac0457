"""Bodies as JSON: read back by another parser they are what they were."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.captioning import encoding
from rsvp_builder.captioning.encoding import encoded

texts = st.text(max_size=30)
urls = st.one_of(
    st.binary(max_size=60).map(lambda content: "data:image/png;base64," + content.hex()),
    st.text(max_size=20).map(lambda text: "data:image/jpeg;base64," + text),
    texts,
)
parts = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": texts}),
    st.fixed_dictionaries(
        {
            "type": st.just("image_url"),
            "image_url": st.fixed_dictionaries({"url": urls}, optional={"detail": texts}),
        }
    ),
    st.dictionaries(texts, st.one_of(texts, st.integers(), st.none())),
)
turns = st.fixed_dictionaries(
    {"role": texts, "content": st.one_of(texts, st.none(), st.lists(parts, max_size=4))}
)
bodies = st.fixed_dictionaries(
    {"model": texts, "messages": st.lists(turns, max_size=4)},
    optional={"temperature": st.floats(0, 2), "response_format": st.dictionaries(texts, texts)},
)


def plain(body: dict[str, Any]) -> bool:
    """Whether it is Unicode at all, and free of control characters, which base64 never has."""
    text = json.dumps(body, ensure_ascii=False)
    return not any("\ud800" <= letter <= "\udfff" for letter in text) and "\\u00" not in json.dumps(body)


@given(bodies.filter(plain))
def test_a_body_survives(body: dict[str, Any]) -> None:
    before = json.dumps(body)
    assert json.loads(encoded(body)) == body
    assert json.dumps(body) == before


def test_a_picture_is_not_escaped_and_comes_where_it_belongs(make_body: Any) -> None:
    body = make_body('Ünicode – "quoted" and \\ back')
    one, two = "data:image/png;base64,AAAA", "data:image/png;base64,BBBB"
    body["messages"][1]["content"][1]["image_url"]["url"] = one
    body["messages"][1]["content"].append({"type": "image_url", "image_url": {"url": two, "detail": "low"}})
    assert json.loads(encoded(body)) == body
    assert encoding._PLACE.encode() not in encoded(body)


def test_what_json_has_not_is_no_body(make_body: Any) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encoded(make_body(temperature=math.nan))
