"""Text, pictures and marks to what the model reads."""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any, ClassVar

from PIL import Image
from transformers import ProcessorMixin
from transformers.feature_extraction_utils import BatchFeature

from earthmarker.errors import EarthMarkerError
from earthmarker.pictures import picture_of
from earthmarker.prompts import (
    Box,
    Mark,
    MarkError,
    Point,
    check_citations,
    draw_prompt,
    looks_like_xywh,
    style_of,
)

IMAGE = "<image>"
BOUNDARIES = ("<img>", "</img>", "<vp>", "</vp>")
_PICTURE = f"<img>{IMAGE}</img>"
_PROMPT = f"<vp>{IMAGE}</vp>"

SYSTEM = (
    "A chat between a curious human and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the human's questions."
)

# SPHINX-V's template (conv_v1_2), but that an answer ends with the tokenizer's own end of sequence, so that
# every tool knows where to stop. Images and prompts come before all text, as in the paper's LLM(image,
# prompt, instruction). What people write stays text: where it looks like a special token, a space goes in
# behind its first character.
_PLAIN = (
    "{%- macro plain(text) %}{% set own = namespace(text=text) %}"
    "{%- for token in [special_tokens, bos_token, eos_token, pad_token, unk_token] %}"
    "{%- if token %}{% set own.text = own.text | replace(token, token[0] ~ ' ' ~ token[1:]) %}{% endif %}"
    "{%- endfor %}{{ own.text }}{% endmacro %}"
).replace("special_tokens", ", ".join(repr(token) for token in (IMAGE, *BOUNDARIES)))
CHAT_TEMPLATE = (
    _PLAIN + "{{- bos_token }}"
    "{%- for message in messages %}{% if message.content is not string %}{% for item in message.content %}"
    "{%- if item.type == 'image' %}"
    "{{ '<vp><image></vp>' if item.kind == 'prompt' else '<img><image></img>' }}{% endif %}"
    "{%- endfor %}{% endif %}{% endfor %}"
    "{%- if messages[0].role != 'system' %}{{ system_text + '\\n\\n###' }}{% endif %}"
    "{%- for message in messages %}"
    "{%- if message.content is string %}{% set text = message.content %}"
    "{%- else %}{% set parts = namespace(text='') %}{% for item in message.content %}"
    "{%- if item.type == 'text' %}{% set parts.text = parts.text + item.text %}{% endif %}{% endfor %}"
    "{%- set text = parts.text %}{% endif %}"
    "{%- if message.role == 'system' %}{{ plain(text) + '\\n\\n###' }}"
    "{%- elif message.role == 'user' %}{{ ' Human: ' + plain(text) + '\\n###' }}"
    "{%- else %}{{ ' Assistant:' }}{% generation %}{{ ' ' + plain(text) + eos_token }}{% endgeneration %}"
    "{{ '\\n###' }}{% endif %}"
    "{%- endfor %}"
    "{%- if add_generation_prompt %}{{ ' Assistant:' }}{% endif %}"
).replace("system_text", repr(SYSTEM))


# Of a conversation in the form of CHAT_TEMPLATE, what the assistant said; it may speak of marks as it likes.
_SAID = re.compile(r" Assistant:.*?(?:\n###|$)", re.DOTALL)


class InputError(EarthMarkerError, ValueError):
    """Text, pictures and marks that do not fit together; the message says what to change."""


class EarthMarkerProcessor(ProcessorMixin):
    """Makes model inputs of text, pictures and marks.

    A picture is one ``<image>`` in the text. Where marks are given, they are drawn as an image of their own
    which goes in behind the picture, as a second image of the same ``pixel_values``: no tool that carries
    images need know of prompts.

    Args:
        image_processor: makes the canvases.
        tokenizer: has the five tokens of :func:`add_tokens`; it is set to pad on the left.
        chat_template: see ``CHAT_TEMPLATE``.
        image_seq_length: placeholders of one image, ``EarthMarkerConfig.image_seq_length``.
        prompt_style: fields of :class:`earthmarker.prompts.PromptStyle`.
        max_marks: marks that the model tells apart.

    Raises:
        InputError: for a tokenizer without these tokens.
        MarkError: for an unknown field of the style.
    """

    # Said here and in the constructor, since the padding side of a tokenizer is lost when it is saved.
    # Pipelines that batch look at the tokenizer's.
    text_kwargs: ClassVar[dict[str, Any]] = {"padding_side": "left"}

    def __init__(
        self,
        image_processor: Any = None,
        tokenizer: Any = None,
        chat_template: str | None = None,
        image_seq_length: int = 257,
        prompt_style: dict[str, Any] | None = None,
        max_marks: int = 20,
        **kwargs: Any,
    ) -> None:
        if tokenizer is None or IMAGE not in tokenizer.get_added_vocab():
            read = "no tokenizer" if tokenizer is None else f"a tokenizer without {IMAGE}"
            raise InputError(
                f"{read}: a processor needs one that add_tokens() has given the placeholder and the "
                "boundaries; load it from the folder of a model"
            )
        style_of(prompt_style)
        self.image_seq_length = image_seq_length
        self.prompt_style = prompt_style or {}
        self.max_marks = max_marks
        tokenizer.padding_side = "left"
        self.image_token = IMAGE
        self.image_token_id = tokenizer.convert_tokens_to_ids(IMAGE)
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)

    @property
    def canvas(self) -> int:
        """Side of the canvas, in pixels."""
        size = self.image_processor.size
        return int(size["height"] if isinstance(size, dict) else size.height)

    def __call__(
        self,
        images: Any = None,
        text: Any = None,
        *,
        marks: Any = None,
        boxes: Any = None,
        points: Any = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Make model inputs.

        Args:
            images: a picture, or pictures in the order of ``<image>`` in the texts.
            text: a text or several, each with ``<img><image></img>`` for each of its pictures.
            marks: marks of the picture, or a list of marks for each picture.
            boxes: instead, boxes ``x1 y1 x2 y2`` in pixels of the picture (or a list of boxes for each
                picture).
            points: instead, or after the boxes, points ``x y``.
            kwargs: for the tokenizer and the image processor.

        Returns:
            ``input_ids``, ``attention_mask``, ``pixel_values`` (images and prompts by turns, (n, 3, side,
            side)).

        Warns:
            UserWarning: if the boxes look like ``x y width height``.

        Raises:
            MarkError: for marks that cannot be drawn, see :func:`earthmarker.prompts.check_marks`, or a
                question about a mark that is not there.
            InputError: if marks and pictures differ in number, or the text has other placeholders than there
                are pictures.
        """
        if marks is not None or boxes is not None or points is not None:
            pictures = self._pictures(images)
            own = marks_of(len(pictures), marks, boxes, points)
            if boxes is not None:
                _suspect(marks_of(len(pictures), None, boxes, None), pictures)
            images, text = self._with_prompts(pictures, text, own)
        for one in [text] if isinstance(text, str) else text or ():
            _check_placeholders(one)
        return super().__call__(images=images, text=text, **kwargs)

    def draw(self, marks: Sequence[Mark], picture: Image.Image) -> Image.Image:
        """Draw marks of a picture as the prompt image that the model reads."""
        style = style_of(self.prompt_style)
        width, height = picture.size
        return draw_prompt(
            marks, width, height, self.canvas, style=style, most=self.max_marks, picture=picture
        )

    def conversation(
        self, picture: Image.Image, marks: Sequence[Mark], messages: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Messages with picture and prompt in front, for tools that know images and no marks.

        Args:
            picture: what is asked about.
            marks: marks on it.
            messages: ``{"role", "content"}`` with text contents, as in the rows of a data set.

        Returns:
            New messages in the form of chat templates; the arguments are left as they are.

        Raises:
            MarkError: for marks that cannot be drawn, or a question about a mark that is not there.
        """
        for message in messages:
            if message["role"] == "user":
                check_citations(message["content"], marks)
        items = [
            {"type": "image", "image": picture},
            {"type": "image", "kind": "prompt", "image": self.draw(marks, picture)},
        ]
        first, *rest = messages
        return [
            {"role": first["role"], "content": [*items, {"type": "text", "text": first["content"]}]},
            *({"role": m["role"], "content": [{"type": "text", "text": m["content"]}]} for m in rest),
        ]

    def _pictures(self, images: Any) -> list[Image.Image]:
        """Pictures as a flat list of RGB images; paths and addresses are read."""
        if images is None:
            raise InputError("marks need a picture that they lie on")
        entries = images if isinstance(images, (list, tuple)) else [images]
        flat = [i for entry in entries for i in (entry if isinstance(entry, (list, tuple)) else [entry])]
        return [picture_of(self.image_processor.fetch_images(i) if isinstance(i, str) else i) for i in flat]

    def _with_prompts(
        self, pictures: list[Image.Image], text: Any, marks: list[list[Mark]]
    ) -> tuple[list[Image.Image], list[str]]:
        texts = [text] if isinstance(text, str) else list(text or ())
        counts = [t.count(_PICTURE) for t in texts]
        if sum(counts) != len(pictures):
            raise InputError(
                f"{sum(counts)} times {_PICTURE} in the text, but {len(pictures)} pictures: write it once "
                "for each"
            )
        left = iter(marks)
        for one, count in zip(texts, counts, strict=True):
            if count:
                # Each picture numbers its own marks, so the longest list decides what may be spoken of.
                check_citations(_SAID.sub("", one), max((next(left) for _ in range(count)), key=len))
        interleaved = [
            image for p, own in zip(pictures, marks, strict=True) for image in (p, self.draw(own, p))
        ]
        return interleaved, [t.replace(_PICTURE, _PICTURE + _PROMPT) for t in texts]

    def replace_image_token(self, image_inputs: dict[str, Any], image_idx: int, **kwargs: Any) -> str:
        """Placeholders of an image: one for each of its features."""
        return IMAGE * self.image_seq_length


def _check_placeholders(text: Any) -> None:
    """See that placeholders and boundaries stand together, and nowhere else."""
    if not isinstance(text, str):
        return
    rest = text.replace(_PICTURE, "").replace(_PROMPT, "")
    for token in (IMAGE, *BOUNDARIES):
        if token in rest:
            raise InputError(
                f"the text has a {token} that belongs to no picture: a picture is written {_PICTURE}; to "
                f"speak of the token itself put a space into it, as chats do: {token[0]} {token[1:]}"
            )


def _suspect(boxes: list[list[Mark]], pictures: list[Image.Image]) -> None:
    """Warn of boxes that look like ``x y width height``."""
    for number, (own, picture) in enumerate(zip(boxes, pictures, strict=True), 1):
        given = [b for b in own if isinstance(b, Box)]
        if looks_like_xywh(given, *picture.size):
            first = given[0]
            warnings.warn(
                f"the boxes of picture {number} ({picture.width} x {picture.height} pixels) look like "
                f"x y width height, the first of {len(given)} is {first.x1:g} {first.y1:g} {first.x2:g} "
                f"{first.y2:g}; expected are x1 y1 x2 y2",
                UserWarning,
                stacklevel=3,
            )


def marks_of(pictures: int, marks: Any, boxes: Any, points: Any) -> list[list[Mark]]:
    """Marks of each picture, from any of the ways to give them.

    Raises:
        MarkError: for what is neither a box nor a point.
        InputError: if there are lists for another number of pictures.
    """
    lists: list[list[Mark]] = [[] for _ in range(pictures)]
    for given, depth, make in ((marks, 0, _mark), (boxes, 1, _box), (points, 1, _point)):
        if given is None:
            continue
        plain = _lists(given)
        if depth and _depth(plain) == 1 and plain:
            plain = [plain]
        nested = _depth(plain) > depth + 1 or (bool(plain) and all(v == [] for v in plain))
        own = plain if nested else [plain]
        if len(own) != pictures:
            raise InputError(
                f"marks for {len(own)} pictures, but {pictures} pictures: give a list of marks for each"
            )
        for into, some in zip(lists, own, strict=True):
            into.extend(make(m) for m in some)
    return lists


def _mark(value: Any) -> Mark:
    if not isinstance(value, Mark):
        raise MarkError(f"{value!r} is no mark: marks are Box, Point, Polygon or Mask of earthmarker.prompts")
    return value


def _box(value: Any) -> Mark:
    return Box(*_numbers(value, 4, "a box is x1 y1 x2 y2"))


def _point(value: Any) -> Mark:
    return Point(*_numbers(value, 2, "a point is x y"))


def _numbers(value: Any, count: int, expected: str) -> list[float]:
    try:
        numbers = [float(v) for v in value]
    except (TypeError, ValueError) as error:
        raise MarkError(f"{value!r}: {expected}, in pixels of the picture") from error
    if len(numbers) != count:
        raise MarkError(f"{value!r} has {len(numbers)} numbers: {expected}, in pixels of the picture")
    return numbers


def _lists(value: Any) -> Any:
    """Arrays and tensors, alone or in lists, as lists."""
    if hasattr(value, "tolist"):
        return value.tolist()
    return [_lists(v) for v in value] if isinstance(value, (list, tuple)) else value


def _depth(value: Any) -> int:
    """How deep lists are nested; 0 for what is no list."""
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def add_tokens(tokenizer: Any) -> int:
    """Give a tokenizer the placeholder and the boundaries.

    Returns:
        How many rows the decoder's table of embeddings needs.
    """
    # A decoder's own further tokens stay special.
    tokenizer.add_special_tokens(
        {"extra_special_tokens": [IMAGE, *BOUNDARIES]}, replace_extra_special_tokens=False
    )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return len(tokenizer)
