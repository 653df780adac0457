"""Ask about marked places of an image, in several turns.

python ask_about_marks.py scene.png --model runs/rsvp/model
"""

import argparse
from pathlib import Path

from PIL import Image

from earthmarker.inference import Answerer, Conversation, ready
from earthmarker.prompts import Box, MarkError, Point


def main() -> None:
    """Two marks, two questions."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("image", type=Path)
    parser.add_argument("--model", default="preset:tiny", help="a folder, a hub id, or preset:NAME")
    parser.add_argument("--longest", type=int, default=64, help="most tokens of an answer")
    options = parser.parse_args()

    model, processor = ready(options.model)  # on the GPU, if there is one
    answerer = Answerer(model, processor, longest=options.longest)
    picture = Image.open(options.image)

    # Pixels of the image, whatever its size: mark 1 is its left half, mark 2 the middle of its right half.
    marks = [
        Box(0, 0, picture.width / 2, picture.height),
        Point(picture.width * 0.75, picture.height * 0.5),
    ]
    conversation = Conversation(answerer, picture, marks)  # the image is encoded here, once
    for question in (
        "Please identify the category of each marked region in the image.",
        "Please provide a detailed description of region 1 in the image.",
    ):
        print("?", question)
        print("!", conversation.ask(question))

    # Marks that cannot be drawn are refused with the reason, never cut off or left out.
    try:
        Conversation(answerer, picture, [Box(300, 40, 20, 10)])
    except MarkError as error:
        print("refused:", error)


if __name__ == "__main__":
    main()
