"""`earthmarker ask`: marks of every kind, several turns, and what is said of marks that are none."""

import json

import pytest
from PIL import Image


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "scene.png"
    Image.linear_gradient("L").resize((100, 80)).save(path)
    return path


@pytest.fixture
def ask(run, picture, tiny_folder):
    def go(*arguments):
        return run("ask", picture, "--model", tiny_folder, "--max-new-tokens", 4, *arguments)

    return go


@pytest.fixture
def marks(monkeypatch):
    """The marks that conversations were about."""
    import earthmarker.inference

    seen = []
    real = earthmarker.inference.Conversation

    def note(answerer, picture, given):
        seen.append(list(given))
        return real(answerer, picture, given)

    monkeypatch.setattr(earthmarker.inference, "Conversation", note)
    return seen


def test_marks_are_boxes_then_points_then_outlines(ask, marks):
    from earthmarker.prompts import Box, Point, Polygon

    given = ["--point", "5,6.5", "--polygon", "1,1,20,1,20,20", "--box", "10,10,30,40", "--box", "-5,0,9,9"]
    done = ask(*given, "What is it?")
    assert (done.code, done.err) == (0, "")
    assert marks == [
        [Box(10, 10, 30, 40), Box(-5, 0, 9, 9), Point(5, 6.5), Polygon(((1, 1), (20, 1), (20, 20)))]
    ]


def test_sizes_instead_of_corners(ask, marks):
    from earthmarker.prompts import Box

    assert ask("--xywh", "--box", "60,50,30,20", "What is it?").code == 0
    assert marks == [[Box(60, 50, 90, 70)]]


def test_sizes_given_as_corners_are_told(ask):
    done = ask("--box", "60,50,30,20", "What is it?")
    assert done.code == 1
    assert "the boxes look like x,y,width,height; if they are, add --xywh" in done.err
    assert "mark 1: box 60 50 30 20 has no area" in done.err


def test_without_marks_it_is_the_picture(ask, marks):
    assert ask("What is it?").code == 0
    assert marks == [[]]


def test_several_turns(ask):
    done = ask("--box", "10,10,30,40", "What is it?", "Sure?", "--json")
    turns = json.loads(done.out)
    assert [turn["question"] for turn in turns] == ["What is it?", "Sure?"]
    one = ask("--box", "10,10,30,40", "What is it?", "--json")
    assert json.loads(one.out) == turns[:1]
    plain = ask("--box", "10,10,30,40", "What is it?", "Sure?")
    assert plain.err == "> What is it?\n> Sure?\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--box", "200,10,300,40", "What?"], "lies outside the image of 100 x 80 pixels"),
        (["--box", "nan,10,30,40", "What?"], "not finite"),
        (["--box", "10,10,10,40", "What?"], "has no area"),
        (["--point", "10,10", "What is region 4?"], "cites mark 4"),
        ([part for i in range(21) for part in ("--point", f"{i},1")] + ["What?"], "the model tells 20 apart"),
        (["--device", "cuda:9", "What?"], "device 'cuda:9'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_input(ask, arguments, message):
    done = ask(*arguments)
    assert done.code == 1
    assert message in done.err
    assert done.out == ""


def test_no_picture_there(run, tmp_path, tiny_folder):
    done = run("ask", tmp_path / "none.png", "--model", tiny_folder, "What?")
    assert done.code == 1
    assert "none.png" in done.err
    (tmp_path / "text.png").write_text("text")
    done = run("ask", tmp_path / "text.png", "--model", tiny_folder, "What?")
    assert done.code == 1
    assert "text.png" in done.err
