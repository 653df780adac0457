"""What comes out of a score: results.json, samples.jsonl, table.md and report.html."""
