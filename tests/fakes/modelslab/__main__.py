"""Runs the fake ModelsLab as a process: `python -m tests.fakes.modelslab --port 0`."""

from tests.fakes.modelslab.service import FakeModelsLab
from tests.fakes.process import main

main(FakeModelsLab)
