"""An image that is an array already, with outlines and masks for marks, and ``generate`` called directly.

    python own_image.py --model runs/rsvp/model

Arrays are (height, width, 3) uint8 in the order red, green, blue: what rasterio gives after a transpose, and
what OpenCV gives after ``[..., ::-1]``.
"""

import argparse

import numpy as np

from earthmarker.inference import ready
from earthmarker.prompts import Box, Mask, Point, Polygon


def main() -> None:
    """Four kinds of marks in one question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="preset:tiny", help="a folder, a hub id, or preset:NAME")
    parser.add_argument("--longest", type=int, default=64, help="most tokens of an answer")
    options = parser.parse_args()

    rows, columns = np.mgrid[:300, :400]
    scene = np.stack([rows % 256, columns % 256, (rows + columns) % 256], axis=-1).astype(np.uint8)
    field = (rows - 220) ** 2 + (columns - 300) ** 2 < 40**2  # what a segmentation model may have given

    marks = [
        Box(20, 20, 120, 80),
        Point(200.5, 40.5),  # the centre of pixel (200, 40)
        Polygon(((40, 150), (140, 130), (160, 220), (60, 260))),
        Mask(field),
    ]
    model, processor = ready(options.model)
    question = "Please identify the category of each marked region in the image."
    text = processor.apply_chat_template(
        [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": question}]}],
        add_generation_prompt=True,
    )
    # The marks become a second image behind the first; the processor puts its placeholder into the text.
    inputs = processor(images=scene, text=text, marks=marks, return_tensors="pt").to(model.device)
    print("canvases:", tuple(inputs["pixel_values"].shape), "tokens:", inputs["input_ids"].shape[1])
    made = model.generate(**inputs, max_new_tokens=options.longest)
    print("answer:", processor.decode(made[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))


if __name__ == "__main__":
    main()
