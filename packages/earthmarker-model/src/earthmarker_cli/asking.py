"""``earthmarker ask``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from earthmarker_cli.options import Device, Longest, Model
from earthmarker_cli.output import Json, hush, print_json, stderr, stdout

if TYPE_CHECKING:
    from earthmarker.prompts import Box, Mark


def ask(
    image: Annotated[Path, typer.Argument(help="The picture.", show_default=False)],
    questions: Annotated[
        list[str],
        typer.Argument(metavar="QUESTION...", help="Questions, one after another.", show_default=False),
    ],
    model: Model,
    box: Annotated[list[str] | None, typer.Option(metavar="X1,Y1,X2,Y2", help="A box, in pixels.")] = None,
    point: Annotated[list[str] | None, typer.Option(metavar="X,Y", help="A point, in pixels.")] = None,
    polygon: Annotated[
        list[str] | None, typer.Option(metavar="X,Y,X,Y,...", help="A free-form outline, in pixels.")
    ] = None,
    xywh: Annotated[bool, typer.Option("--xywh", help="Boxes are x,y,width,height.")] = False,
    max_new_tokens: Longest = 256,
    device: Device = None,
    json: Json = False,
) -> None:
    """Ask about marked places of a picture, in as many turns as there are questions.

    Marks are numbered from 1: boxes first, then points, then outlines, each in the order given. Without a
    mark the question is about the whole picture.
    """
    corners = [_numbers("--box", text, 4) for text in box or ()]
    places = [_numbers("--point", text, 2) for text in point or ()]
    outlines = [_numbers("--polygon", text, None) for text in polygon or ()]

    from PIL import Image

    from earthmarker.inference import Answerer, Conversation, ready
    from earthmarker.prompts import Box, Point, Polygon

    hush()
    with Image.open(image) as picture:
        picture.load()
    boxes = [Box(x, y, x + c, y + d) if xywh else Box(x, y, c, d) for x, y, c, d in corners]
    if not xywh:
        _warn_of_sizes(boxes, picture.width, picture.height)
    marks: list[Mark] = [
        *boxes,
        *(Point(x, y) for x, y in places),
        *(Polygon(tuple(zip(o[::2], o[1::2], strict=True))) for o in outlines),
    ]
    loaded, processor = ready(model, device=device)
    conversation = Conversation(Answerer(loaded, processor, longest=max_new_tokens), picture, marks)
    answers = []
    for question in questions:
        answers.append(conversation.ask(question))
        if json:
            continue
        if len(questions) > 1:
            stderr().print(f"> {question}", markup=False)
        stdout().print(answers[-1], markup=False)
    if json:
        print_json([{"question": q, "answer": a} for q, a in zip(questions, answers, strict=True)])


def _numbers(option: str, text: str, count: int | None) -> list[float]:
    """Numbers of a mark; None is any even count from 6 on.

    Raises:
        BadParameter: if they are others or not as many.
    """
    expected = f"{count} numbers" if count else "three or more pairs x,y"
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(
            f"'{text}': expected {expected}, comma-separated", param_hint=option
        ) from None
    if (count is not None and len(values) != count) or (
        count is None and (len(values) < 6 or len(values) % 2)
    ):
        raise typer.BadParameter(
            f"'{text}' has {len(values)} numbers: expected {expected}", param_hint=option
        )
    return values


def _warn_of_sizes(boxes: list[Box], width: int, height: int) -> None:
    from earthmarker.prompts.marks import looks_like_xywh
    from earthmarker_cli.output import notice

    if looks_like_xywh(boxes, width, height):
        notice("the boxes look like x,y,width,height; if they are, add --xywh")
