"""A run that is killed: claims, notes what it is about to send, records, over and over.

Called with the store, a journal, a seed and a cap. The journal is the endpoint's view: a line before each
request is "sent", a line after it is "answered", written past every buffer of this process.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from store_making import faulty, taken

from rsvp_builder.captioning.store import Store


def main(path: str, journal: str, seed: str, cap: str) -> None:
    chance = random.Random(seed)
    with Store(Path(path)) as store:
        log = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(1, b"ready\n")
        while claimed := store.claim(chance.randint(1, 8), float(cap)):
            for one in claimed:
                os.write(log, f"sent {one.key} {one.attempt} {store.spent().usd!r}\n".encode())
            for one in claimed:
                what = chance.random()
                if what < 0.6:
                    store.record(one.key, one.attempt, taken(), 0.003, final=False)
                    os.write(log, f"done {one.key} {one.attempt} 0.003\n".encode())
                elif what < 0.75:
                    store.record(one.key, one.attempt, faulty(), 0.002, final=one.tries >= 3)
                    os.write(log, f"faulty {one.key} {one.attempt} 0.002\n".encode())
                elif what < 0.9:
                    os.write(log, f"unsent {one.key} {one.attempt} 0\n".encode())
                    store.fail(one.key, one.attempt, "429", sent=False, final=False)
                else:
                    store.fail(one.key, one.attempt, "timeout", sent=True, final=False)
                    os.write(log, f"unknown {one.key} {one.attempt} 0\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
