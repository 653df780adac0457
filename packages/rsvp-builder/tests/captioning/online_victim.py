"""A run in a process of its own, to be killed: online_victim.py STORE BASE_URL REQUESTS CONCURRENCY."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from online_kit import Source, entry, judge, settings

from rsvp_builder.captioning.online import run_online
from rsvp_builder.captioning.prices import price_of
from rsvp_builder.captioning.store import Store

BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Region 1?"}], "max_tokens": 64,
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": {
            "type": "object", "additionalProperties": False, "required": ["regions"], "properties": {
                "regions": {"type": "array", "items": {"type": "object", "additionalProperties": False,
                            "required": ["region", "text"], "properties": {
                                "region": {"type": "integer"}, "text": {"type": "string"}}}}}}}}}  # fmt: skip


def main() -> None:
    """Plans, says that it sends, sends, prints how it ended."""
    path, base_url, requests, concurrency = sys.argv[1:]
    price = price_of("gpt-4o", input_usd=2.5, output_usd=10.0)
    with Store(Path(path)) as store:
        store.add(entry(number) for number in range(int(requests)))
        print("SENDING", flush=True)  # noqa: T201 - the test reads it
        how = settings(base_url, concurrency=int(concurrency), drain_s=30)
        ended = asyncio.run(run_online(Source(lambda: dict(BODY)), store, how, judge, price))
        told = {
            "reason": ended.reason,
            "done": ended.done,
            "abandoned": ended.abandoned,
            "error": str(ended.error),
        }
        print(json.dumps(told | {"spent": asdict(ended.spending)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
