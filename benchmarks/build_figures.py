"""The figures of build_dota.py for the page."""

from __future__ import annotations

from figures import Figure
from results import COPY_GOAL, DATUMARO_GOAL, FLAT_GOAL, GENERATOR_GOAL, MEMORY_GOAL_MB, Result

PEERS: dict[str, tuple[tuple[str, float | None], ...]] = {
    "reference": (
        ("datumaro", DATUMARO_GOAL),
        ("supervision", None),
        ("from_generator", GENERATOR_GOAL),
        ("from_generator-2", None),
    ),
    "embed": (("from_generator-embed", None), ("copy-each", 1 / COPY_GOAL), ("copy-one", 1 / COPY_GOAL)),
}
"""Kind of our build -> who it is compared with and how far ahead we are to be; the documented way of datumaro
is left out, since it writes nothing."""

NOTES = {
    "datumaro": "free quads become rectangles there",
    "supervision": "orientation is lost there",
    "copy-each": "no annotations",
    "copy-one": "no annotations",
}


def _plain(title: str) -> str:
    return title.replace("`", "").replace("*", "")


def _work(result: Result, label_mb: float) -> dict[str, float]:
    return {"write_mb": result.out_mb, "headers": result.images, "csv_mb": label_mb}


def figures(results: list[Result], large: list[Result], label_mb: float) -> list[Figure]:
    """One figure a comparison, and the memory of every build of ours.

    Args:
        results: of everybody.
        large: of ours on the larger input.
        label_mb: size of the labels of the smaller one.
    """
    by_key = {result.contestant.key: result for result in results}
    found = []
    for kind, peers in PEERS.items():
        for workers in (1, 2):
            ours = by_key.get(f"ours-{kind}-{workers}")
            if ours is None:
                continue
            images = f"{ours.images:,} images"
            what = f"{'embedded' if kind == 'embed' else 'annotations only'}, {images}, {_workers(workers)}"
            for key, goal in peers:
                peer = by_key.get(key)
                found.append(
                    Figure(
                        what,
                        ours.wall if ours.measured else None,
                        peer=_plain(peer.contestant.title) if peer else key,
                        peer_version=f"{peer.contestant.packages[0]} {peer.version}" if peer else "",
                        theirs=peer.wall if peer and peer.measured else None,
                        goal=goal,
                        work=_work(ours, label_mb) if ours.measured else {},
                        cores=workers,
                        note=NOTES.get(key, ""),
                    )
                )
    return found + memory(results, large)


def memory(results: list[Result], large: list[Result]) -> list[Figure]:
    """Peaks on the larger input, and their growth."""
    by_key = {result.contestant.key: result for result in results}
    found = []
    for result in large:
        small = by_key.get(result.contestant.key)
        if small is None or not (small.measured and result.measured):
            continue
        what = f"{result.contestant.key}, {result.images:,} images"
        found += [
            Figure(f"peak memory: {what}", result.peak_mb, "MB", goal=MEMORY_GOAL_MB),
            Figure(
                f"growth of it from {small.images:,} images: {result.contestant.key}",
                result.peak_mb / small.peak_mb,
                "share",
                goal=FLAT_GOAL,
            ),
        ]
    return found


def _workers(number: int) -> str:
    return f"{number} worker{'s' * (number > 1)}"
