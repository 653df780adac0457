"""``rsvp-eval tasks`` and ``rsvp-eval metrics``."""

from __future__ import annotations

from rsvp_eval.cli.output import Json, print_json, print_table


def tasks(json: Json = False) -> None:
    """List the tasks that are shipped; a task of your own is one TOML file of the same form."""
    from rsvp_eval.tasks import shipped

    found = shipped()
    if json:
        print_json({name: task.model_dump(mode="json") for name, task in found.items()})
        return
    rows = [
        (name, task.kind, " ".join(task.metrics), ", ".join(task.data.sources) or "any source", task.title)
        for name, task in found.items()
    ]
    print_table(("task", "kind", "metrics", "data", "what"), rows)


def metrics(json: Json = False) -> None:
    """List the metrics, and whether each can be computed here."""
    from rsvp_eval.metrics.registry import FAMILIES

    found = {name: family.missing() for name, family in FAMILIES.items()}
    if json:
        print_json(
            {
                name: {"values": FAMILIES[name].metrics, "scores": FAMILIES[name].subject, "missing": reason}
                for name, reason in found.items()
            }
        )
        return
    rows = [
        (
            name,
            " ".join(f.metrics),
            f.subject,
            "yes" if found[name] is None else f"no: {found[name]}",
            f.summary,
        )
        for name, f in FAMILIES.items()
    ]
    print_table(("metric", "values", "scores", "here", "what"), rows)
