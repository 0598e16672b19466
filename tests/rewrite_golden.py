"""python -m tests.rewrite_golden: write what the engine says today of the golden calls; read the diff."""

from __future__ import annotations

import json
from pathlib import Path

from tests.golden_calls import CALLS
from tests.scripted import as_json, run

FOLDER = Path(__file__).parent / "data" / "golden"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for script in CALLS:
        found = as_json(run(script), script.language)
        (FOLDER / f"{script.name}.json").write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
