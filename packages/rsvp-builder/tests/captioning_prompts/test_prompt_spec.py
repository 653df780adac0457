"""Prompt files: their versions, what they send, and that a bad one is refused with a reason."""

from __future__ import annotations

import base64
import copy

import pytest
from jinja2.exceptions import SecurityError

from rsvp_builder.captioning.request import Drawn, Sent
from rsvp_builder.captioning.spec import PromptError, prompt_for, read_prompt, tasks
from rsvp_builder.errors import UnknownNameError
from rsvp_builder.tasks.region_caption import POSITIONS

TASKS = ("detailed_caption", "grounded_caption", "relationship_analysis")

# One line for each version that there ever was: whoever changes a prompt adds a version and a line.
DIGESTS = {
    "detailed_caption/1": "9cc790d2dbdb67d236e0a9b587c3325137b56e4ce39f1992bce587e31d1ccd8d",
    "grounded_caption/1": "78cb14ab5b517c1d6af2bbb8398e0272e899b637fb4cf2d8004aba407fe8993d",
    "relationship_analysis/1": "18d66184465c86c29cdf93f2910d3ef20013b6116c934ca46bab3f48c6c6c6bf",
}


def small_row(made, **changes):
    return made.row(
        [made.box(1, (10, 20, 50, 60), "airplane"), made.box(2, (200, 20, 260, 60), "ship")], **changes
    )


def test_there_is_a_prompt_for_each_task():
    assert tuple(tasks()) == TASKS
    with pytest.raises(UnknownNameError, match="Did you mean grounded_caption"):
        prompt_for("grounded_captions")


@pytest.mark.parametrize("task", TASKS)
def test_a_changed_prompt_has_a_new_version(task):
    spec = prompt_for(task)
    assert DIGESTS[spec.version] == spec.digest, (
        "the prompt has changed: raise its version and add the digest"
    )


@pytest.mark.parametrize("task", TASKS)
def test_the_schema_is_one_that_strict_mode_takes(task):
    form = prompt_for(task).response_format()
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    seen = []

    def walk(schema):
        seen.append(schema["type"])
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) == set(schema["properties"])
            for inner in schema["properties"].values():
                walk(inner)
        elif schema["type"] == "array":
            walk(schema["items"])
        else:
            assert set(schema) <= {"type", "description"}

    walk(form["json_schema"]["schema"])
    assert {"object", "array", "string", "integer"} == set(seen)
    form["json_schema"]["schema"]["properties"].clear()
    assert prompt_for(task).response_format()["json_schema"]["schema"]["properties"]


@pytest.mark.parametrize("task", TASKS)
def test_the_text_says_what_is_known_and_nothing_else(made, task):
    row = small_row(made, gsd=0.5, image_source="GoogleEarth")
    text = prompt_for(task).ask(row, [2, 1])
    for said in (
        "<Region 1>: airplane",
        "<Region 2>: ship",
        "GoogleEarth",
        "a pixel is 0.5 m",
        "400 pixels wide",
    ):
        assert said in text
    assert "20 x 20 m on the ground" in text
    assert any(position in text for position in POSITIONS)
    assert "{" not in text.replace('{"', "") and "None" not in text
    assert prompt_for(task).ask(row, (1, 2)) == text
    assert row == small_row(made, gsd=0.5, image_source="GoogleEarth")


@pytest.mark.parametrize("task", TASKS)
def test_a_mark_that_is_not_drawn_has_no_number_in_the_text(made, task):
    marks = [made.box(i, (10 * i, 20, 10 * i + 9, 60), "ship" if i < 4 else "bridge") for i in range(1, 6)]
    text = prompt_for(task).ask(made.row(marks), [1, 2])
    assert "<Region 3>" not in text and "Region 5" not in text
    assert "(bridge: 2, ship: 1)" in text


def test_too_few_drawn_marks_are_refused(made):
    row = small_row(made)
    with pytest.raises(PromptError, match="at least 2"):
        prompt_for("relationship_analysis").ask(row, [1])
    with pytest.raises(PromptError, match=r"marks \[1, 7\] of \[1, 2\]"):
        prompt_for("grounded_caption").ask(row, [1, 7])
    with pytest.raises(PromptError, match="at least 1"):
        prompt_for("grounded_caption").ask(row, [])


def test_what_a_release_says_is_never_run_as_a_template(made):
    row = made.row([made.box(1, (0, 0, 9, 9), "{{ 7 * 6 }}", caption='{% for x in y %} "quoted"\nline')])
    text = prompt_for("grounded_caption").ask(row, [1])
    assert "{{ 7 * 6 }}" in text and "42" not in text
    assert "\"{% for x in y %} 'quoted' line\"" in text


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("pictures", [1, 3])
def test_messages_hold_the_pictures_after_the_text(made, task, pictures):
    sent = tuple(Sent(bytes([n]) * 7, "image/png" if n else "image/jpeg", 40, 30) for n in range(pictures))
    spec = prompt_for(task)
    system, user = spec.messages("what to do", Drawn(sent, (1,), {}), "low")
    assert system == {"role": "system", "content": spec.system.strip()}
    assert user["content"][0] == {"type": "text", "text": "what to do"}
    urls = [part["image_url"] for part in user["content"] if part["type"] == "image_url"]
    assert [base64.b64decode(url["url"].split(",")[1]) for url in urls] == [each.content for each in sent]
    assert [url["url"].split(";")[0] for url in urls] == [f"data:{each.mime}" for each in sent]
    assert {url["detail"] for url in urls} == {"low"}
    said = [part["text"] for part in user["content"][1:] if part["type"] == "text"]
    assert said == ([] if pictures == 1 else [spec.whole, spec.part, spec.part])


@pytest.mark.parametrize("task", TASKS)
def test_all_descriptions_of_a_full_row_fit_into_the_default_answer(made, task):
    """20 marks, at the longest that is asked for, at 1.4 tokens a word and 20 for the frame of each entry."""
    spec = prompt_for(task)
    words = sum(
        rule.words(20)[1] * (20 if rule.of == "region" else 1)
        for rule in spec.texts.values()
        if rule.sentence
    )
    phrases = 20 * 4 if task == "grounded_caption" else 0
    assert 1.4 * (words + phrases) + 20 * 20 < 1024 + 120
    for rule in spec.texts.values():
        for marks in range(1, 21):
            (fewest, least), (most, many) = zip(rule.taken(marks), rule.words(marks), strict=True)
            assert fewest <= least <= many <= most


GOOD = """
task = "made"
version = "made/3"
form = "prose"
asks = 2
coverage = 1.0
system = "s"
user = "{{ facts }}"
whole = "w"
part = "p"
[texts.caption]
of = "answer"
cites = true
asked = [5, 10]
allowed = [2, 20]
[schema]
type = "object"
additionalProperties = false
required = ["regions", "caption"]
[schema.properties.regions]
type = "array"
[schema.properties.regions.items]
type = "object"
additionalProperties = false
required = ["region", "class"]
properties = { region = { type = "integer" }, class = { type = "string" } }
[schema.properties.caption]
type = "string"
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('version = "made/3"', 'version = "other/3"', "expected made/ and a number"),
        ('version = "made/3"', 'version = "made/x"', "expected made/ and a number"),
        ("asks = 2", "asks = 0", "asks"),
        ("asks = 2", "asks = 2\nretries = 3", "retries"),
        ("allowed = [2, 20]", "allowed = [6, 20]", "must lie within"),
        ('required = ["regions", "caption"]', 'required = ["regions"]', "all properties required"),
        ('additionalProperties = false\nrequired = ["region"', 'required = ["region"', "must be false"),
        (
            '[schema.properties.caption]\ntype = "string"',
            '[schema.properties.caption]\ntype = "number"',
            "number",
        ),
        (
            '[schema.properties.caption]\ntype = "string"',
            '[schema.properties.caption]\ntype = "string"\nenum = ["a"]',
            "enum",
        ),
        ("[texts.caption]", "[texts.story]", "but the schema has"),
        ("cites = true", "cites = false", "exactly one text"),
        ('user = "{{ facts }}"', 'user = "{{ facts"', "not a prompt file"),
        ('task = "made"', 'task = "made', "not a prompt file"),
    ],
)
def test_a_bad_prompt_file_is_refused_by_name(tmp_path, old, new, said):
    path = tmp_path / "made.toml"
    path.write_text(GOOD)
    assert read_prompt(path).version == "made/3"
    assert old in GOOD
    path.write_text(GOOD.replace(old, new))
    with pytest.raises(PromptError, match=said) as caught:
        read_prompt(path)
    assert str(path) in str(caught.value)


def test_a_template_can_use_only_what_is_known(tmp_path, made):
    path = tmp_path / "made.toml"
    path.write_text(GOOD.replace("{{ facts }}", "{{ colour }}"))
    with pytest.raises(PromptError, match="'colour' is undefined"):
        read_prompt(path).ask(small_row(made), [1])
    path.write_text(GOOD.replace("{{ facts }}", "{{ facts.__class__.__mro__ }}"))
    with pytest.raises((PromptError, SecurityError), match=r"unsafe|cannot be filled"):
        read_prompt(path).ask(small_row(made), [1])


def test_the_digest_sees_texts_schema_and_limits_but_not_how_often_is_asked(tmp_path):
    path = tmp_path / "made.toml"
    seen = []
    changes = [("", ""), ('"s"', '"S"'), ("[5, 10]", "[5, 11]"), ('"w"', '"W"'), ('"integer"', '"string"')]
    for old, new in [*changes, ("asks = 2", "asks = 4")]:
        path.write_text(GOOD.replace(old, new) if old else GOOD)
        seen.append(copy.copy(read_prompt(path).digest))
    assert len(set(seen)) == len(changes)
    assert seen[-1] == seen[0]
