"""Writes the dashboards and alert rules that provisioning loads, beside this file."""

from pathlib import Path

from grafana.generate import provisioned_files

if __name__ == "__main__":
    here = Path(__file__).parent
    for path, text in provisioned_files().items():
        (here / path).write_text(text, encoding="utf-8")
        print(f"wrote grafana/{path}")  # noqa: T201  # this is a command
