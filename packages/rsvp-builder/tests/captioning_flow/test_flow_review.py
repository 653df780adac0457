"""The review page: what it shows and keeps, and that its verdict file is taken strictly or not at all."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import shutil
import sqlite3

import numpy as np
import pytest
from PIL import Image

from rsvp_builder.captioning.drawing import DrawingSettings, colour_of, draw
from rsvp_builder.captioning.review import Selected, take_verdicts, write_page
from rsvp_builder.captioning.review.verdicts import VerdictError
from rsvp_builder.captioning.review.words import pieces_of
from rsvp_builder.captioning.select import Selection, waiting
from rsvp_builder.captioning.shelf import Shelf
from rsvp_builder.captioning.store import Store
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError

HOSTILE = (
    "</p></article><script>document.body.dataset.owned=1</script><img src=x onerror=alert(1)>{{ 7*7 }}'\""
)


def cards_of(page: str) -> dict[str, str]:
    return {
        re.search(r'data-key="([0-9a-f]{64})"', card)[1]: card
        for card in re.findall(r'<article class="card".*?</article>', page, re.DOTALL)
    }


def verdicts_of(made, out, **changed):
    """A verdict file as the page would write it, with the first two answers decided."""
    page = cards_of(made.path.read_text())
    with Store(Folder(out).store, read_only=True) as store:
        rows = {result.key: result.row_id for result in store.results("done")}
    keys = list(page)[:2]
    file = {
        "format": 1,
        "page": made.page,
        "data_set": "out",
        "verdicts": [
            {"key": keys[0], "row_id": rows[keys[0]], "verdict": "accept", "note": ""},
            {"key": keys[1], "row_id": rows[keys[1]], "verdict": "reject", "note": "the wrong plane"},
        ],
    }
    return file | changed


@pytest.fixture(scope="module")
def page(captioned, tmp_path_factory):
    """A data set and its page; do not write into it."""
    out = shutil.copytree(captioned, tmp_path_factory.mktemp("flow-review") / "out")
    return out, write_page(out, out / "review.html", Selected())


def test_every_answer_is_shown_with_the_picture_that_was_sent(page):
    out, made = page
    assert (made.shown, made.total) == (39, 39)
    text = made.path.read_text()
    assert made.bytes == len(made.path.read_bytes())
    cards = cards_of(text)
    with Store(Folder(out).store, read_only=True) as store:
        results = {result.key: result for result in store.results("done")}
    assert set(cards) == set(results)
    shelf = Shelf(out)
    places = {place.row_id: place for place in waiting(out, Selection(tasks=("relationship_analysis",)))}
    checked = 0
    for key, card in cards.items():
        result = results[key]
        said = html.unescape(
            re.sub(r"<[^>]*>", "", card.split('<div class="turn assistant">')[1].split("</div>")[0])
        )
        assert said == re.sub(r"<Region (\d+)>", r"\1", result.text).replace("\n", "")
        if result.row_id in places:
            subject = shelf.subject(places[result.row_id])
            [*sent] = (sent.content for sent in draw(subject, DrawingSettings()).pictures)
            shown = [
                base64.b64decode(uri) for uri in re.findall(r'src="data:image/\w+;base64,([^"]+)"', card)
            ]
            assert shown == sent
            checked += 1
    assert checked == 9


def test_numbers_in_the_text_have_the_colours_of_the_drawing(page):
    _, made = page
    for card in cards_of(made.path.read_text()).values():
        chips = re.findall(r'<span class="chip" style="--c:([^;]+);--on:([^"]+)"[^>]*>(\d+)</span>', card)
        assert chips
        assert all(colour_of(int(number)) == (fill, ink) for fill, ink, number in chips)


def test_pieces_of_a_text_join_to_the_text():
    text = "<Region 1><Region 12>: a ship <Region 2> and <Mark 3>, not <Region x>."
    pieces = pieces_of(text)
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.mark for piece in pieces if piece.mark is not None] == [1, 12, 2, 3]


def test_the_page_needs_nothing_from_outside(page):
    text = page[1].path.read_text()
    assert re.search(r"content=\"default-src 'none'; img-src data:; .*script-src 'sha256-[^' ]+'", text)
    bare = re.sub('base64,[^"]*', "", text).replace("http-equiv", "")
    assert "url(" not in bare and "@import" not in bare and "http" not in bare


def test_the_same_answers_give_the_same_page(page, tmp_path):
    out, made = page
    again = write_page(out, tmp_path / "again.html", Selected())
    assert again.page == made.page
    assert again.path.read_bytes() == made.path.read_bytes()


def test_a_page_takes_a_selection_and_what_is_decided_already_stays_off_it(answered, tmp_path):
    few = write_page(answered, tmp_path / "a.html", Selected(tasks=("grounded_caption",), limit=4))
    assert (few.shown, few.total) == (4, 15)
    more = write_page(answered, tmp_path / "b.html", Selected(tasks=("grounded_caption",), limit=8))
    assert set(cards_of(few.path.read_text())) < set(cards_of(more.path.read_text()))
    assert more.page != few.page
    (tmp_path / "v.json").write_text(json.dumps(verdicts_of(few, answered)))
    taken = take_verdicts(answered, tmp_path / "v.json")
    assert (taken.accepted, taken.rejected, taken.undecided) == (1, 1, 2)
    left = write_page(answered, tmp_path / "c.html", Selected(tasks=("grounded_caption",)))
    assert left.shown == 13
    rejected = write_page(answered, tmp_path / "d.html", Selected(want="rejected"))
    [card] = cards_of(rejected.path.read_text()).values()
    assert 'data-verdict="reject" data-note="the wrong plane"' in card
    with pytest.raises(RsvpError, match="no answer to review"):
        write_page(answered, tmp_path / "e.html", Selected(sources=("DOTA",)))


def test_verdicts_reach_the_store_and_can_be_taken_back(answered, tmp_path):
    made = write_page(answered, tmp_path / "page.html", Selected())
    file = verdicts_of(made, answered)
    (tmp_path / "v.json").write_text(json.dumps(file))
    take_verdicts(answered, tmp_path / "v.json")

    def now():
        with Store(Folder(answered).store, read_only=True) as store:
            return {r.key: (r.verdict, r.note) for r in store.results("done") if r.verdict or r.note}

    first, second = (entry["key"] for entry in file["verdicts"])
    assert now() == {first: ("accept", ""), second: ("reject", "the wrong plane")}
    file["verdicts"][1] |= {"verdict": None, "note": ""}
    (tmp_path / "v.json").write_text(json.dumps(file))
    assert take_verdicts(answered, tmp_path / "v.json").taken_back == 1
    assert now() == {first: ("accept", "")}


def spoil(file, how):
    entries = file["verdicts"]
    match how:
        case "twice":
            entries.append(dict(entries[0]) | {"verdict": "reject"})
        case "foreign":
            entries[0]["key"] = "0" * 64
        case "unknown key":
            entries[0]["score"] = 3
        case "unknown verdict":
            entries[0]["verdict"] = "maybe"
        case "wrong type":
            entries[0]["note"] = 7
        case "missing":
            del entries[1]["verdict"]
        case "format":
            file["format"] = 2
        case "page":
            file["page"] = "0123456789abcdef"
        case "no list":
            file["verdicts"] = {}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("twice", "1 answers are in it twice"),
        ("foreign", "1 answers were not on page"),
        ("unknown key", r"verdicts\.0\.score: Extra inputs are not permitted \(read 3\)"),
        ("unknown verdict", r"verdicts\.0\.verdict: .*'accept' or 'reject' \(read 'maybe'\)"),
        ("wrong type", r"verdicts\.0\.note: .*string"),
        ("missing", r"verdicts\.1\.verdict: Field required"),
        ("format", r"format: Input should be 1"),
        ("page", "which `rsvp-build caption review` did not write"),
        ("no list", r"verdicts: Input should be a valid list"),
    ],
)
def test_a_file_with_anything_wrong_changes_nothing(answered, tmp_path, how, message):
    made = write_page(answered, tmp_path / "page.html", Selected())
    file = verdicts_of(made, answered)
    spoil(file, how)
    path = tmp_path / "v.json"
    path.write_text(json.dumps(file))
    with pytest.raises(VerdictError, match=message) as told:
        take_verdicts(answered, path)
    assert str(path) in str(told.value)
    with Store(Folder(answered).store, read_only=True) as store:
        assert all(result.verdict is None for result in store.results("done"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not a verdict file"),
        (b"[" * 100_000, "not a verdict file"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"page": "a", "page": "b"}', "'page' stands twice"),
        (b"[]", "not a verdict file"),
    ],
)
def test_what_is_no_verdict_file_is_told(answered, tmp_path, content, message):
    (tmp_path / "v.json").write_bytes(content)
    with pytest.raises(VerdictError, match=message):
        take_verdicts(answered, tmp_path / "v.json")
    with pytest.raises(VerdictError, match="cannot be read"):
        take_verdicts(answered, tmp_path / "nowhere.json")


def test_the_page_of_another_data_set_is_not_taken(answered, page, tmp_path):
    (tmp_path / "v.json").write_text(json.dumps(verdicts_of(page[1], page[0])))
    shutil.rmtree(Folder(answered).store.parent / "pages", ignore_errors=True)
    with pytest.raises(VerdictError, match="give the data set that the page was written from"):
        take_verdicts(answered, tmp_path / "v.json")


def test_a_verdict_on_an_answer_that_was_replaced_is_not_taken(answered, tmp_path):
    made = write_page(answered, tmp_path / "page.html", Selected())
    (tmp_path / "v.json").write_text(json.dumps(verdicts_of(made, answered)))
    with sqlite3.connect(Folder(answered).store) as raw:
        raw.execute("UPDATE attempts SET text = text || ' More.'")
    raw.close()
    with pytest.raises(VerdictError, match="were replaced since the page was written"):
        take_verdicts(answered, tmp_path / "v.json")


def test_a_row_that_is_gone_is_shown_without_a_picture(answered, tmp_path):
    shutil.rmtree(answered / "planned/NWPU-VHR-10")
    made = write_page(answered, tmp_path / "page.html", Selected(sources=("NWPU-VHR-10",)))
    assert made.shown == 21
    assert made.path.read_text().count("No picture.") == 14


def spoil_texts(out):
    with sqlite3.connect(Folder(out).store) as raw:
        raw.execute("UPDATE attempts SET text = text || ? , model = ?", (HOSTILE, HOSTILE))
        raw.execute("UPDATE requests SET verdict = 'accept', note = ?", (HOSTILE,))
    raw.close()


def test_what_a_model_or_a_person_says_is_text(answered, tmp_path):
    spoil_texts(answered)
    made = write_page(answered, tmp_path / "page.html", Selected(want="all"))
    text = made.path.read_text()
    assert HOSTILE not in text
    assert text.count("<script") == 1
    assert html.escape(HOSTILE, quote=True).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in text


# ---- In a browser --------------------------------------------------------------------------------------


@pytest.fixture
def opened(page, browser):
    out, made = page
    browser.goto(made.path)
    browser.run("localStorage.clear()")
    browser.goto(made.path)
    browser.requests.clear()
    browser.complaints.clear()
    yield out, made, browser
    assert browser.complaints == []
    assert browser.run("document.body.dataset.error") is None
    assert not [
        address for address in browser.requests if not address.startswith(("data:", "file:", "blob:"))
    ]


def counts(browser):
    return [
        int(browser.run(f"document.getElementById('{name}').textContent"))
        for name in ("decided", "yes", "no")
    ]


def test_keys_decide_and_what_they_decide_survives_a_reload(opened, tmp_path):
    out, made, browser = opened
    keys = list(cards_of(made.path.read_text()))
    here = "[...document.querySelectorAll('.card')].findIndex((card) => card.classList.contains('here'))"
    assert browser.run(here) == 0
    browser.press("ar")
    assert (counts(browser), browser.run(here)) == ([2, 1, 1], 2)
    browser.press("jjk")
    assert browser.run(here) == 3
    browser.press("kkk")
    browser.press("u")
    assert counts(browser) == [1, 0, 1]
    browser.press("k")
    browser.press("a")
    browser.press("n")
    browser.press("ja")  # typed into the note, and no command
    assert counts(browser) == [2, 1, 1]
    browser.send("Input.dispatchKeyEvent", type="keyDown", key="Escape")
    browser.press("j")
    browser.goto(made.path)
    assert counts(browser) == [2, 1, 1]
    file = json.loads(browser.run("document.getElementById('file').value"))
    assert [(entry["key"], entry["verdict"], entry["note"]) for entry in file["verdicts"]] == [
        (keys[0], "accept", ""),
        (keys[1], "reject", "ja"),
    ]
    (tmp_path / "verdicts.json").write_text(json.dumps(file))
    copy = shutil.copytree(out, tmp_path / "copy")
    assert take_verdicts(copy, tmp_path / "verdicts.json").accepted == 1


def test_buttons_do_the_same_and_the_file_is_downloaded(opened, tmp_path):
    _, _, browser = opened
    browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    browser.run("document.querySelectorAll('.card')[4].querySelector('.no').click()")
    browser.run("document.querySelectorAll('.card')[5].querySelector('.yes').click()")
    assert counts(browser) == [2, 1, 1]
    browser.run("document.getElementById('open').click()")
    assert browser.run("document.querySelectorAll('.card:not([hidden])').length") == 37
    browser.run("document.getElementById('save').click()")
    path = tmp_path / "verdicts.json"
    browser.wait("new Promise((done) => setTimeout(() => done(true), 300))")
    assert [entry["verdict"] for entry in json.loads(path.read_text())["verdicts"]] == ["reject", "accept"]


def test_another_page_starts_anew(opened, tmp_path):
    out, _, browser = opened
    browser.press("aaa")
    other = write_page(out, tmp_path / "other.html", Selected(limit=5))
    browser.goto(other.path)
    assert counts(browser) == [0, 0, 0]


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_is_cut_off_and_both_schemes_are_legible(opened, tmp_path, width):
    _, made, browser = opened
    for scheme in ("light", "dark"):
        browser.send(
            "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
        )
        browser.goto(made.path, width)
        assert browser.run("document.documentElement.scrollWidth") <= width
        assert browser.run(
            "[...document.querySelectorAll('.card button, .card textarea, .chip')]"
            ".every((part) => part.getBoundingClientRect().right <= innerWidth)"
        )
        browser.screenshot(tmp_path / f"{scheme}.png")
        pixels = np.asarray(Image.open(io.BytesIO((tmp_path / f"{scheme}.png").read_bytes())).convert("L"))
        ground = int(np.median(pixels[:60, : width // 3]))
        assert ground > 200 if scheme == "light" else ground < 60
    browser.send("Emulation.setEmulatedMedia", features=[])


def test_hostile_texts_do_not_run(answered, browser, tmp_path):
    spoil_texts(answered)
    made = write_page(answered, tmp_path / "page.html", Selected(want="all", limit=5))
    browser.complaints.clear()
    browser.goto(made.path)
    assert browser.run("document.body.dataset.owned") is None
    assert browser.run("document.body.dataset.error") is None
    assert browser.run("document.querySelector('.card textarea').value") == HOSTILE
    assert browser.complaints == []
