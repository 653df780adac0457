"""A page that is served, and a headless Chromium that is driven through its DevTools protocol."""

import base64
import importlib.util
import json
import os
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--force-device-scale-factor=1",
]
HERE = Path(__file__).parent
PATIENCE = 60.0  # seconds, on a machine that many share


class Browser:
    """A Chromium on the other end of two pipes: messages are JSON, each ended by a zero byte."""

    def __init__(self, profile: Path):
        read_commands, self._commands = os.pipe()
        self._answers, write_answers = os.pipe()
        # Chromium reads file 3 and writes file 4; the shell puts the pipes there.
        words = [
            str(CHROMIUM),
            *FLAGS,
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
            "about:blank",
        ]
        script = f'exec "$@" 3<&{read_commands} 4>&{write_answers}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", *words],
            pass_fds=(read_commands, write_answers),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_commands)
        os.close(write_answers)
        self._rest = b""
        self._number = 0
        self._session = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in targets if t["type"] == "page")
        self._session = self.send("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method, **params):
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _receive(self):
        deadline = time.monotonic() + PATIENCE
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._answers, 1 << 20)
            assert data, "the browser has gone"
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(line)
        params = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(params["request"]["url"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(str(params["entry"]))
        return message

    def run(self, script):
        """The value of a JavaScript expression."""
        result = self.send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, script):
        """The first value of an expression that is true."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if value := self.run(script):
                return value
            time.sleep(0.05)
        raise AssertionError(
            f"never true: {script}\n{self.run('document.body.innerText')}\n{self.complaints}"
        )

    def goto(self, address, width=1200, height=900, *, mobile=False):
        self.resize(width, height, mobile=mobile)
        self.send("Page.navigate", url=address)
        self.wait("!!document.querySelector('.em-drop') && !!document.querySelector('#em-ask')")

    def resize(self, width, height, *, mobile=False):
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

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

    def screenshot(self, path):
        data = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=False)["data"]
        path.write_bytes(base64.b64decode(data))
        return path

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._commands)
        os.close(self._answers)


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
