"""Tasks: what is scored, by which metrics and against what. One TOML file a task."""

from rsvp_eval.tasks.select import select
from rsvp_eval.tasks.task import Data, Task, load, shipped

__all__ = ["Data", "Task", "load", "select", "shipped"]
