"""Runs the fake Novita as a process: `python -m tests.fakes.novita --port 0`."""

from tests.fakes.novita.service import FakeNovita
from tests.fakes.process import main

main(FakeNovita)
