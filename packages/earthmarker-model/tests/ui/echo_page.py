"""Serves two pages and prints their addresses: one that answers with its marks, and the preset ``tiny``."""

import sys

from PIL import Image

from earthmarker.prompts import Box, draw_prompt
from earthmarker.ui import launch


class EchoTalk:
    def __init__(self, picture, marks):
        self.picture, self.marks, self.turn = picture, marks, 0

    def ask(self, question):
        self.turn += 1
        if "fail" in question:
            raise RuntimeError("the decoder fell over")
        lines = [
            f"<Region {i}>: box {m.x1:g} {m.y1:g} {m.x2:g} {m.y2:g}"
            if isinstance(m, Box)
            else f"<Mark {i}>: point {m.x:g} {m.y:g}"
            for i, m in enumerate(self.marks, 1)
        ]
        size = "{} x {}".format(*self.picture.size)
        return "\n".join([*lines, f"Turn {self.turn} about {len(self.marks)} marks on {size}: {question}"])


class EchoReader:
    name = "echo"
    most = 4

    def draw(self, picture, marks):
        marks = marks or [Box(0, 0, *picture.size)]
        return draw_prompt(marks, picture.width, picture.height, 256, most=self.most)

    def begin(self, picture, marks):
        assert isinstance(picture, Image.Image)
        self.draw(picture, marks)
        return EchoTalk(picture, tuple(marks))


if __name__ == "__main__":
    for model in (EchoReader(), "preset:tiny"):
        sys.stdout.write(launch(model, port=0, longest=24, wait=False, quiet=True) + "\n")
        sys.stdout.flush()
    sys.stdin.read()  # until the test closes it
