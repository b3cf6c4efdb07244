"""What a user of Novita's official client has: a process of its own, as the client leaves a pool.

`python -m tests.e2e.novita_customer URL KEY FOLDER` reads the arguments of a `txt2video` as JSON,
writes its videos into the folder, and prints what it was told.
"""

import json
import sys
from pathlib import Path
from typing import Any

from novita_client import NovitaClient, Txt2VideoPrompt


def main() -> None:
    url, key, folder = sys.argv[1:]
    order: dict[str, Any] = json.load(sys.stdin)
    order["prompts"] = [Txt2VideoPrompt(**part) for part in order["prompts"]]
    client = NovitaClient(key, base_url=url)
    models = [(model.sd_name, model.type.name) for model in client.models_v3()]
    result: Any = client.txt2video(**order)
    for number, content in enumerate(result.video_bytes):
        (Path(folder) / f"{number}.{result.videos[number].video_type}").write_bytes(content)
    told = {"models": models, "task": result.task.to_dict(), "extra": result.extra.to_dict()}
    print(json.dumps(told, default=str))  # noqa: T201 - this is its answer


if __name__ == "__main__":
    main()
