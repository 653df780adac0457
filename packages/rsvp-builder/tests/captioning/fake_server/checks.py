"""What the API refuses with 400: bodies that are not what they should be."""

from __future__ import annotations

import base64
import binascii
import io
import json
from functools import lru_cache
from typing import Any

from PIL import Image

FIELDS = {
    "model", "messages", "response_format", "max_tokens", "max_completion_tokens", "temperature", "top_p",
    "seed", "n", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs",
    "user", "stream", "reasoning_effort", "store", "metadata", "service_tier", "safety_identifier",
    "prompt_cache_key", "verbosity",
}  # fmt: skip
LARGEST_BODY = 50 << 20
"""Most bytes of a request; that the real API has this limit is unverified."""
LARGEST_PICTURE = 20 << 20
"""Most bytes of a picture; that the real API has this limit is unverified."""
MIMES = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}


class Wrong(Exception):  # noqa: N818 - the request is wrong, not the server
    """A request that is refused."""

    def __init__(self, told: str, code: str | None = None, status: int = 400) -> None:
        super().__init__(told)
        self.code = code
        self.status = status


@lru_cache(maxsize=256)
def check_picture(url: str, decode: bool) -> tuple[int, int]:
    """Width and height of a picture in a data URL; decoded to the last pixel unless told otherwise."""
    head, comma, data = url.partition(";base64,")
    mime = head.removeprefix("data:")
    if not comma or not head.startswith("data:") or mime not in MIMES:
        raise Wrong(f"Invalid image URL: it begins with {url[:30]!r}.", "invalid_image_url")
    try:
        content = base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise Wrong(f"Invalid base64 image: {error}.", "invalid_base64") from None
    if len(content) > LARGEST_PICTURE:
        raise Wrong("Image is larger than 20 MB.", "image_too_large")
    try:
        with Image.open(io.BytesIO(content)) as picture:
            if picture.format != MIMES[mime]:
                raise Wrong(f"The image is {picture.format}, not {mime}.", "invalid_image_format")
            if decode:
                picture.load()
            return picture.size
    except (OSError, SyntaxError, ValueError) as error:
        raise Wrong(f"You uploaded an unsupported image: {error}.", "invalid_image") from None


def _check_part(part: Any, decode: bool) -> None:
    match part:
        case {"type": "text", "text": str()}:
            pass
        case {"type": "image_url", "image_url": {"url": str(url), **rest}}:
            if rest.get("detail", "auto") not in ("low", "high", "auto", "original"):
                raise Wrong(f"Invalid detail: {rest['detail']!r}.")
            check_picture(url, decode)
        case _:
            raise Wrong(f"Invalid content part: {str(part)[:80]}.")


def _check_message(message: Any, decode: bool) -> None:
    if not isinstance(message, dict) or message.get("role") not in (
        "system",
        "developer",
        "user",
        "assistant",
    ):
        raise Wrong(f"Invalid message: {str(message)[:80]}.")
    content = message.get("content")
    if isinstance(content, list) and content:
        for part in content:
            if message["role"] != "user" and part.get("type") != "text":
                raise Wrong(f"A message of the {message['role']} has text alone.")
            _check_part(part, decode)
    elif not isinstance(content, str) and not (message["role"] == "assistant" and message.get("refusal")):
        raise Wrong("A message has no content.")


def _check_strict(schema: dict[str, Any], where: str) -> None:
    """Rules of strict structured output: objects are closed and need all of their properties."""
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            raise Wrong(
                f"Invalid schema: additionalProperties must be false at {where}.", "invalid_json_schema"
            )
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            raise Wrong(f"Invalid schema: all properties are required at {where}.", "invalid_json_schema")
        for name, inner in schema["properties"].items():
            _check_strict(inner, f"{where}/{name}")
    elif schema.get("type") == "array":
        if "items" not in schema:
            raise Wrong(f"Invalid schema: an array without items at {where}.", "invalid_json_schema")
        _check_strict(schema["items"], f"{where}/items")


def check_body(raw: bytes, *, models: tuple[str, ...] = (), decode: bool = True) -> dict[str, Any]:
    """The request, where nothing is wrong with it.

    Raises:
        Wrong: with what the API would say.
    """
    if len(raw) > LARGEST_BODY:
        raise Wrong("The request is larger than 50 MB.", status=413)
    try:
        body = json.loads(raw)
    except ValueError:
        raise Wrong("We could not parse the JSON body of your request.") from None
    if not isinstance(body, dict) or not isinstance(body.get("model"), str) or not body["model"]:
        raise Wrong("You must provide a model parameter.")
    if strange := set(body) - FIELDS:
        raise Wrong(f"Unrecognized request argument supplied: {sorted(strange)[0]}.")
    if models and body["model"] not in models:
        told = f"The model `{body['model']}` does not exist or you do not have access to it."
        raise Wrong(told, "model_not_found", 404)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Wrong("You must provide messages.")
    for message in messages:
        _check_message(message, decode)
    if messages[-1]["role"] != "user":
        raise Wrong("The last message is not the user's.")
    form = body.get("response_format")
    if form is not None and form.get("type") == "json_schema":
        inner = form.get("json_schema", {})
        if not isinstance(inner.get("name"), str) or not isinstance(inner.get("schema"), dict):
            raise Wrong("Invalid response_format: name or schema is missing.")
        if inner.get("strict"):
            _check_strict(inner["schema"], "#")
    return body
