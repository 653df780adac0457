"""A page that is served, and a headless Chromium that is driven through its DevTools protocol."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headless_chromium import CHROMIUM, Chromium

HERE = Path(__file__).parent


class Browser(Chromium):
    """A browser that opens pages of ours and uses them as people do."""

    def goto(self, address, width=1200, height=900, *, mobile=False):
        self.resize(width, height, mobile=mobile)
        self.send("Page.navigate", url=address)
        self.wait("!!document.querySelector('.em-drop') && !!document.querySelector('#em-ask')")

    def choose_file(self, path):
        node = self.send(
            "Runtime.evaluate", expression="document.querySelector('.em-tools input[type=file]')"
        )
        self.send("DOM.setFileInputFiles", files=[str(path)], objectId=node["result"]["objectId"])

    def open_image(self, path, width, height):
        self.choose_file(path)
        self.wait(f"document.querySelector('.em-where').textContent.includes('{width} × {height}')")
        self.wait("document.querySelector('.em-stage img').complete")

    def frame(self):
        """Left, top, width, height of the image on the screen."""
        self.run("document.querySelector('.em-stage').scrollIntoView({block: 'center'})")
        script = "(({x, y, width, height}) => [x, y, width, height])"
        return self.run(f"{script}(document.querySelector('.em-stage').getBoundingClientRect())")

    def mouse(self, kind, x, y, button="left"):
        self.send(
            "Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1, pointerType="mouse"
        )

    def drag(self, start, end):
        self.mouse("mousePressed", *start)
        for part in (0.3, 0.7, 1.0):
            self.mouse("mouseMoved", *(a + (b - a) * part for a, b in zip(start, end, strict=True)))
        self.mouse("mouseReleased", *end)

    def click(self, x, y):
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def touch(self, *places):
        """A finger that goes from place to place."""
        self.send(
            "Input.dispatchTouchEvent",
            type="touchStart",
            touchPoints=[{"x": places[0][0], "y": places[0][1]}],
        )
        for x, y in places[1:]:
            self.send("Input.dispatchTouchEvent", type="touchMove", touchPoints=[{"x": x, "y": y}])
        self.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, selector):
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def key(self, key, *, ctrl=False, shift=False):
        code = {" ": 32, "Enter": 13, "Escape": 27, "Delete": 46, "z": 90, "y": 89}.get(key, 0)
        arrows = {"ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        event = {
            "key": key,
            "windowsVirtualKeyCode": arrows.get(key, code),
            "modifiers": 2 * ctrl + 8 * shift,
        }
        self.send("Input.dispatchKeyEvent", type="rawKeyDown", **event)
        self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    def write(self, question):
        """Put a question into its box, as typing does."""
        box = "document.querySelector('#em-question textarea')"
        self.run(f"{box}.value = {json.dumps(question)}")
        self.run(f"{box}.dispatchEvent(new Event('input', {{bubbles: true}}))")

    def ask(self, question):
        self.write(question)
        turns = "document.querySelectorAll('.em-turn').length"
        before = self.run(turns)
        self.press("#em-ask")
        self.wait(f"{turns} > {before} && !document.querySelector('.em-waiting')")

    def marks(self):
        """Marks on the page, as [[index, kind, text]]."""
        return self.run(
            "[...document.querySelectorAll('.em-list li')].map(e => e.querySelector('.em-entry').innerText"
            ".replace(/\\s+/g, ' ').trim())"
        )


@pytest.fixture(scope="session")
def addresses():
    """Addresses of the pages of ``echo_page.py``."""
    _require()
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, str(HERE / "echo_page.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        found = [process.stdout.readline().strip() for _ in range(2)]
        assert all(address.startswith("http") for address in found), "the pages did not start"
        yield found
        process.stdin.close()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()


@pytest.fixture(scope="session")
def page_address(addresses):
    """Address of a page whose answers are the marks."""
    return addresses[0]


@pytest.fixture(scope="session")
def tiny_address(addresses):
    """Address of a page with the preset ``tiny``."""
    return addresses[1]


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    _require()
    running = Browser(tmp_path_factory.mktemp("chromium"))
    yield running
    running.close()


def _require():
    if importlib.util.find_spec("gradio") is None:
        pytest.skip("needs gradio (the extra ui)")
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium package")
