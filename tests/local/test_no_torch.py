"""The bot's side of the local engine must not cost the bot 450 MB and six seconds."""

import subprocess
import sys

from bot.settings import child_environment

CODE = """
import sys
import providers.registry, providers.local.provider
print(sorted({"torch", "diffusers", "transformers", "safetensors", "av"} & set(sys.modules)))
"""


def test_the_bots_side_loads_neither_torch_nor_what_needs_it() -> None:
    found = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", CODE],
        check=True,
        capture_output=True,
        text=True,
        env=child_environment({"PYTHONPATH": "."}),
    )
    assert found.stdout.strip() == "[]"
