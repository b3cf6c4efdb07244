"""Says where a training works, by which plan and with whom."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from training.shapes.learning import loop
from training.shapes.learning.crew import Crew
from training.shapes.learning.plan import SEED, Plan

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workshop:
    """A training: the folder of its states, its plan, and the process it runs in."""

    folder: Path
    plan: Plan
    crew: Crew

    def say(self, words: str) -> None:
        """Tell what begins, once."""
        if self.crew.leads:
            logger.info(words)

    def train(
        self,
        module: nn.Module,
        loss_of: Callable[[loop.Step], Tensor],
        stage: str,
        *,
        look: Callable[[Path], None] | None = None,
    ) -> None:
        """Train a module through a stage of the plan, which has its name."""
        loop.train(
            module,
            loss_of,
            stage=stage,
            course=getattr(self.plan, stage),
            crew=self.crew,
            folder=self.folder,
            seed=SEED,
            look=look,
        )
