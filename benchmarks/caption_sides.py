"""The two sides of the captioning benchmark, each in a process of its own; it prints its figures as JSON.

    python caption_sides.py ours|peer URL --requests 1000 --concurrency 64 [--store FILE]

Pictures are encoded before the clock starts. ``ours`` is `run_online` with a store on the disk, the real
prompt and the real check of answers. ``peer`` is what one writes first: AsyncOpenAI, a semaphore,
``asyncio.gather``; it keeps the answers in a list and knows of no store, budget, limit or check.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hashlib
import io
import json
import random
import resource
import time
from pathlib import Path
from typing import Any

from PIL import Image

from rsvp_builder.captioning.judge import judge
from rsvp_builder.captioning.online import OnlineSettings, Progress, run_online
from rsvp_builder.captioning.outcome import Outcome
from rsvp_builder.captioning.prices import price_of, worst_usd
from rsvp_builder.captioning.request import Drawn, ModelSettings, Sent
from rsvp_builder.captioning.spec import prompt_for
from rsvp_builder.captioning.store import Claimed, Entry, Store

TASK = "detailed_caption"
MODEL = ModelSettings(model="gpt-4o")
PICTURES = 32
SIDE = 512
"""Different pictures, and their side in pixels."""


def row(number: int) -> dict[str, Any]:
    """A row of three marks as a build writes it, without its picture."""
    labels = ("airplane", "storage tank", "harbor")
    marks = [
        {
            "index": index, "kind": "box", "xyxy": [40.0 * index, 60.0, 40.0 * index + 30, 110.0], "xy": None,
            "quad": None, "label": label, "area": 1500.0,
        }
        for index, label in enumerate(labels, 1)
    ]  # fmt: skip
    return {
        "id": f"{number:032x}", "width": SIDE, "height": SIDE, "gsd": 0.5, "image_source": None,
        "domain": "rs", "marks": marks, "source": "bench", "task": TASK, "image_level": "box", "messages": [],
    }  # fmt: skip


def pictures() -> list[Drawn]:
    """Drawn pictures of about 90 kB."""
    made = []
    for seed in range(PICTURES):
        noise = random.Random(seed).randbytes(64 * 64 * 3)
        buffer = io.BytesIO()
        image = Image.frombytes("RGB", (64, 64), noise).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        image.save(buffer, "JPEG", quality=92)
        made.append(Drawn((Sent(buffer.getvalue(), "image/jpeg", SIDE, SIDE),), (1, 2, 3), {}))
    return made


class Bodies:
    """Bodies whose pictures are encoded already; the text of each is its own."""

    def __init__(self) -> None:
        self._spec = prompt_for(TASK)
        text = self._spec.ask(row(0), (1, 2, 3))
        self._made = [self._whole(drawn, text) for drawn in pictures()]
        self.bytes = sum(len(json.dumps(body)) for body in self._made) // PICTURES

    def _whole(self, drawn: Drawn, text: str) -> dict[str, Any]:
        return {
            "model": MODEL.model,
            "messages": self._spec.messages(text, drawn, MODEL.detail),
            "response_format": self._spec.response_format(),
            "max_completion_tokens": MODEL.max_tokens,
            "temperature": MODEL.temperature,
        }

    def of(self, number: int) -> dict[str, Any]:
        """A body like those that drawing processes hand over."""
        body = dict(self._made[number % PICTURES])
        # A copy of the text with the number in it: two bodies share pictures, and nothing else of their turn.
        turns = [*body["messages"]]
        last = dict(turns[-1])
        last["content"] = [*last["content"], {"type": "text", "text": f"Scene {number}."}]
        body["messages"] = [*turns[:-1], last]
        return body

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        """As `run_online` asks for it."""
        return self.of(claimed.row)


def entry(number: int, worst: float) -> Entry:
    """A planned request."""
    return Entry(
        key=hashlib.sha256(str(number).encode()).hexdigest(),
        row_id=f"{number:032x}",
        source="bench",
        split="train",
        task=TASK,
        shard="planned/bench/train-00000.parquet",
        row=number,
        drawing={"shown": [1, 2, 3]},
        prompt_version=prompt_for(TASK).version,
        model=MODEL.model,
        parameters=MODEL.model_dump(mode="json"),
        images=[[SIDE, SIDE]],
        input_tokens=1500,
        worst_usd=worst,
    )


def ours(options: argparse.Namespace) -> dict[str, Any]:
    """Our run; planning is timed apart."""
    bodies, spec = Bodies(), prompt_for(TASK)
    price = price_of(MODEL.model, input_usd=2.5, output_usd=10.0)
    worst = worst_usd(price, 1500, MODEL.max_tokens, batch=False)
    last: list[Progress] = []

    def check(claimed: Claimed, response: dict[str, Any]) -> Outcome:
        return judge(spec, row(claimed.row), (1, 2, 3), response)

    with Store(options.store) as store:
        began = time.process_time()
        store.add(entry(number, worst) for number in range(options.requests))
        planned = time.process_time() - began
        print("SENDING", flush=True)
        settings = OnlineSettings(base_url=options.url, concurrency=options.concurrency)
        began, started = time.process_time(), time.monotonic()
        ended = asyncio.run(
            run_online(
                bodies,
                store,
                settings,
                check,
                price,
                lambda progress: last.__setitem__(slice(None), [progress]),
            )
        )
        wall, cpu = time.monotonic() - started, time.process_time() - began
        counts = store.counts()
        return figures(options, wall, cpu) | {
            "answers": ended.done,
            "reason": ended.reason,
            "planning_ms": 1000 * planned / options.requests,
            "body_kb": bodies.bytes / 1000,
            "counts": counts,
            "lost": store.lost(),
            "usd": ended.spending.usd,
            "reserved_usd": ended.spending.reserved_usd,
            "worst_usd": worst,
        }


def peer(options: argparse.Namespace) -> dict[str, Any]:
    """The bare loop."""
    from openai import AsyncOpenAI

    bodies = Bodies()

    async def run() -> list[str | None]:
        limit = asyncio.Semaphore(options.concurrency)
        async with AsyncOpenAI(base_url=options.url, api_key="none", max_retries=0) as client:

            async def one(number: int) -> str | None:
                async with limit:
                    answer = await client.chat.completions.create(**bodies.of(number))
                return answer.choices[0].message.content

            return await asyncio.gather(*(one(number) for number in range(options.requests)))

    began, started = time.process_time(), time.monotonic()
    answers = asyncio.run(run())
    wall, cpu = time.monotonic() - started, time.process_time() - began
    return figures(options, wall, cpu) | {"answers": sum(answer is not None for answer in answers)}


def figures(options: argparse.Namespace, wall: float, cpu: float) -> dict[str, Any]:
    """What both sides tell."""
    return {
        "wall_s": wall,
        "cpu_ms": 1000 * cpu / options.requests,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "base64_kb": len(base64.b64encode(pictures()[0].pictures[0].content)) / 1000,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=["ours", "peer"])
    parser.add_argument("url")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--store", type=Path, default=Path("store.sqlite"))
    options = parser.parse_args()
    print(json.dumps(ours(options) if options.side == "ours" else peer(options)), flush=True)


if __name__ == "__main__":
    main()
