"""The page in a browser: what is drawn arrives in pixels of the image, and comes back in its colour."""

import json
import re

import pytest
from PIL import Image

from earthmarker.prompts.palette import colour

HOSTILE = '<img src=x onerror="window.hacked=1"> <Region 1> ${window.hacked=1} {{value}} <script>1</script>'


def picture(folder, width, height, name="scene.png"):
    path = folder / name
    Image.new("RGB", (width, height), "#305030").save(path)
    return path


def numbers(text):
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text)]


def lines(browser):
    """(text, mark, colour of the left edge, colour of its first chip) of each line of the last answer."""
    return browser.run(
        "[...[...document.querySelectorAll('.em-turn')].pop().querySelectorAll('.em-line')].map(e => ["
        "e.innerText, e.dataset.mark || null, getComputedStyle(e).borderLeftColor,"
        "e.querySelector('.em-chip') ? getComputedStyle(e.querySelector('.em-chip')).backgroundColor : null])"
    )


def css(index):
    return "rgb({}, {}, {})".format(*colour(index))


def error(browser):
    return browser.run("document.querySelector('.em-error')?.innerText")


# Wide and scaled down, tall and scaled down, small and scaled up; the last on a telephone.
@pytest.mark.parametrize(
    ("width", "height", "window"), [(2400, 1000, 1200), (700, 2100, 1200), (90, 60, 1200), (1500, 1300, 420)]
)
def test_marks_arrive_in_image_pixels_and_colours_match(
    browser, page_address, tmp_path, width, height, window
):
    browser.goto(page_address, window, mobile=window < 600)
    browser.open_image(picture(tmp_path, width, height), width, height)
    left, top, shown_width, shown_height = browser.frame()
    assert shown_width / shown_height == pytest.approx(width / height, rel=0.02)
    assert abs(shown_width - width) > 50  # scaled, so that screen pixels would be wrong

    def at(x, y):
        return left + x * shown_width, top + y * shown_height

    browser.drag(at(0.6, 0.7), at(0.25, 0.2))  # from the lower right: the box is put in order
    browser.click(*at(0.8, 0.4))
    browser.drag(at(0.9, 0.9), (left + shown_width + 30, top + shown_height + 25))  # over the edge: cut to it
    browser.ask("What is it?")
    [first, second, third, last] = lines(browser)
    near = 1.1 * width / shown_width + 0.1  # a pixel of the screen, in pixels of the image
    assert numbers(first[0])[1:] == pytest.approx(
        [0.25 * width, 0.2 * height, 0.6 * width, 0.7 * height], abs=near
    )
    assert numbers(second[0])[1:] == pytest.approx([0.8 * width, 0.4 * height], abs=near)
    assert numbers(third[0])[1:] == pytest.approx([0.9 * width, 0.9 * height, width, height], abs=near)
    assert numbers(third[0])[3:] == [width, height]
    assert [entry[1] for entry in (first, second, third, last)] == ["1", "2", "3", None]
    for index, line in enumerate((first, second, third), 1):
        assert line[2] == line[3] == css(index)
        shape = f"document.querySelector('.em-marks [data-mark=\"{index}\"]')"
        assert browser.run(f"getComputedStyle({shape}.querySelector('.em-label')).backgroundColor") == css(
            index
        )
        assert browser.run(f"{shape}.innerText") == str(index)
    assert last[0] == f"Turn 1 about 3 marks on {width} x {height}: What is it?"
    assert browser.complaints == []


def test_shape_lies_where_it_was_drawn(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 1000, 500), 1000, 500)
    left, top, *_ = browser.frame()
    browser.drag((left + 100, top + 60), (left + 220, top + 150))
    box = browser.run(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.querySelector('.em-box').getBoundingClientRect())"
    )
    assert box == pytest.approx([left + 100, top + 60, 120, 90], abs=1.0)
    assert browser.run("document.querySelector('.em-where').innerText").startswith("x ")


def test_zoomed_and_scrolled(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 1000, 800), 1000, 800)
    for _ in range(3):
        browser.press("[data-do=in]")
    browser.run("document.querySelector('.em-view').scrollTo(700, 500)")
    assert browser.run("document.querySelector('.em-view').scrollLeft") == 700
    left, top, width, _ = browser.run(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.querySelector('.em-stage').getBoundingClientRect())"
    )
    scale = 1000 / width
    browser.click(left + 900, top + 700)
    assert numbers(browser.marks()[0])[1:] == pytest.approx([900 * scale, 700 * scale], abs=scale + 0.1)


def test_touch_draws(browser, page_address, tmp_path):
    browser.goto(page_address, 420, 900, mobile=True)
    browser.send("Emulation.setTouchEmulationEnabled", enabled=True)
    try:
        browser.open_image(picture(tmp_path, 800, 600), 800, 600)
        left, top, width, _ = browser.frame()
        browser.touch((left + 40, top + 40), (left + 90, top + 80), (left + 140, top + 120))
        browser.touch((left + 200, top + 30))
        scale = 800 / width
        first, second = browser.marks()
        assert numbers(first)[1:] == pytest.approx([n * scale for n in (40, 40, 140, 120)], abs=scale + 0.1)
        assert "point" in second
        assert browser.run("document.documentElement.scrollWidth") <= 420  # nothing sticks out
    finally:
        browser.send("Emulation.setTouchEmulationEnabled", enabled=False)


def test_keys_draw_delete_and_undo(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 200, 100), 200, 100)
    browser.run("document.querySelector('.em-stage').focus()")
    browser.key(" ")
    browser.key("Enter")
    for _ in range(3):
        browser.key("ArrowRight", shift=True)
    browser.key("ArrowDown")
    browser.key("ArrowDown")
    browser.key("Enter")
    assert browser.marks() == ["1 point 100 50", "2 box 100 50 130 52"]
    browser.key("Delete")
    assert browser.marks() == ["1 point 100 50"]
    browser.key("z", ctrl=True)
    assert len(browser.marks()) == 2
    browser.key("z", ctrl=True)
    browser.key("z", ctrl=True)
    assert browser.marks() == []
    browser.key("y", ctrl=True)
    assert browser.marks() == ["1 point 100 50"]


def test_chosen_mark_is_deleted_and_later_ones_move_up(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    left, top, *_ = browser.frame()
    for x in (50, 150, 250):
        browser.click(left + x, top + 100)
    texts = [entry[2:] for entry in browser.marks()]
    browser.press(".em-list li:nth-child(2) .em-entry")
    browser.press("[data-do=delete]")
    assert browser.marks() == [f"1 {texts[0]}", f"2 {texts[2]}"]
    browser.press(".em-list li:nth-child(1) .em-away")
    assert browser.marks() == [f"1 {texts[2]}"]
    browser.press("[data-do=undo]")
    browser.press("[data-do=clear]")
    assert browser.marks() == []


def test_more_marks_than_the_model_tells_apart_are_refused_and_said(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    left, top, *_ = browser.frame()
    for x in range(5):
        browser.click(left + 50 + 60 * x, top + 100)
    assert len(browser.marks()) == 4
    assert "4 marks" in browser.run("document.querySelector('.em-note').innerText")


def test_conversation_goes_on_until_marks_change(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    left, top, *_ = browser.frame()
    browser.click(left + 50, top + 100)
    browser.ask("One?")
    browser.ask("Two?")
    assert lines(browser)[-1][0].startswith("Turn 2 about 1 marks")
    assert browser.run("document.querySelectorAll('.em-divider').length") == 0
    browser.click(left + 90, top + 100)
    browser.ask("Three?")
    assert lines(browser)[-1][0].startswith("Turn 1 about 2 marks")
    assert browser.run("document.querySelectorAll('.em-divider').length") == 1
    browser.press("#em-new")
    browser.wait("document.querySelectorAll('.em-turn').length === 0")
    browser.ask("Four?")
    assert lines(browser)[-1][0].startswith("Turn 1 about 2 marks")


def test_buttons_write_the_papers_instructions(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    left, top, *_ = browser.frame()
    box = "document.querySelector('#em-question textarea').value"
    browser.press("#em-classify")
    browser.wait(f"{box} === 'Please identify the category of each marked region in the image.'")
    browser.click(left + 50, top + 100)
    browser.press("#em-classify")
    browser.wait(f"{box} === 'Please identify the category of each marked point in the image.'")
    browser.click(left + 80, top + 100)
    browser.press("#em-describe")
    browser.wait(f"{box} === 'Please provide a detailed description of region 2 in the image.'")


def test_prompt_image_follows_the_marks(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    browser.press("#em-prompt button")
    browser.wait("!!document.querySelector('.em-figure img')?.complete")
    assert "whole image" in browser.run("document.querySelector('.em-figure').innerText")
    left, top, width, height = browser.frame()
    browser.drag((left + 0.4 * width, top + 0.3 * height), (left + 0.6 * width, top + 0.8 * height))
    browser.wait("document.querySelector('.em-figure').innerText.includes('as the model reads')")
    script = """(async () => {
        const image = document.querySelector('.em-figure img');
        await image.decode();
        const canvas = Object.assign(document.createElement('canvas'), {width: 256, height: 256});
        const pen = canvas.getContext('2d');
        pen.drawImage(image, 0, 0);
        return [[105, 125], [128, 20]].map(([x, y]) => [...pen.getImageData(x, y, 1, 1).data.slice(0, 3)]);
    })()"""
    assert browser.run(script) == [[*colour(1)], [0, 0, 0]]


def test_what_people_and_models_write_is_text(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300, "a<b>&'.png"), 600, 300)
    browser.ask(HOSTILE)
    assert browser.run("window.hacked") is None
    assert browser.run("document.querySelector('.em-question').innerText") == HOSTILE
    # The echo brings it back as an answer; a tag in it is a chip.
    assert lines(browser)[-1][0].endswith(HOSTILE.replace("<Region 1>", "Region 1"))
    assert browser.run("document.querySelectorAll('.em-answer img, .em-answer script').length") == 0


def test_mistakes_are_messages(browser, page_address, tmp_path):
    browser.goto(page_address)
    browser.press("#em-ask")
    browser.wait("document.querySelector('.em-error')?.innerText.includes('No image is open')")
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"not an image")
    browser.choose_file(broken)
    browser.wait("document.querySelector('.em-error')?.innerText.includes('broken.png: cannot be read')")
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    browser.wait("!document.querySelector('.em-error')")
    browser.press("#em-ask")
    browser.wait("document.querySelector('.em-error')?.innerText.includes('no question')")
    left, top, *_ = browser.frame()
    browser.click(left + 50, top + 60)
    browser.press("#em-ask")  # while the prompt image is drawn, which must not wipe the message away
    browser.press("#em-prompt button")
    browser.wait("document.querySelector('.em-figure')?.innerText.includes('as the model reads')")
    assert "no question" in error(browser)
    box = "document.querySelector('#em-question textarea')"
    for question, message in (
        ("What is region 3?", "cites mark 3"),
        ("Now fail.", "RuntimeError: the decoder fell over"),
    ):
        browser.write(question)
        browser.press("#em-ask")
        browser.wait(f"document.querySelector('.em-error')?.innerText.includes({json.dumps(message)})")
        assert "Traceback" not in browser.run("document.body.innerText")
        assert browser.run(f"{box}.value") == question  # to be mended, not written again
    browser.ask("And now?")
    assert error(browser) is None


def test_nothing_is_loaded_from_elsewhere(browser, page_address, tmp_path):
    browser.requests.clear()
    browser.goto(page_address)
    browser.open_image(picture(tmp_path, 600, 300), 600, 300)
    browser.ask("What is it?")
    asked = [url for url in browser.requests if not url.startswith(("data:", "blob:"))]
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith(page_address)] == []


def test_the_model_itself_answers(browser, tiny_address, tmp_path):
    """The preset tiny knows nothing, so its answer may be anything; it must come, twice, without an error."""
    browser.goto(tiny_address)
    browser.open_image(picture(tmp_path, 300, 200), 300, 200)
    left, top, *_ = browser.frame()
    browser.drag((left + 40, top + 40), (left + 140, top + 120))
    for turn in (1, 2):
        browser.ask("Please identify the category of each marked region in the image.")
        assert error(browser) is None
        assert browser.run("document.querySelectorAll('.em-answer').length") == turn
        assert lines(browser)
