"""Says how long each stage trains, and on what: one plan for a GPU, one for a CPU.

The weights in the repository were trained by the stages of `CPU`, with stops in between. What a
model of that plan can draw is `CPU.world`; the larger world of `GPU` needs its number of clips.
"""

from dataclasses import dataclass

from training.shapes.learning.loop import Course
from training.shapes.scenes.world import Motion, Shape, Size, World

SEED = 20260101


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The stages' courses and what they share.

    Attributes:
        world: What is in the clips.
        captions: Size of each process's bank.
        drafts: Clips that each process makes for the decoder.
        few: Share of the clip steps that look at `few_frames` frames of as many more clips.
    """

    world: World
    text: Course
    vae: Course
    images: Course
    paths: Course
    clips: Course
    outlines: Course
    decoder: Course
    lora: Course
    embedding: Course
    captions: int
    drafts: int
    few: float
    few_frames: int = 4


CPU = Plan(
    world=World(
        shapes=(Shape.CIRCLE, Shape.SQUARE, Shape.TRIANGLE, Shape.STAR),
        sizes=(Size.BIG,),
        motions=tuple(each for each in Motion if each is not Motion.SPINNING),
        pairs=0,
    ),
    text=Course(steps=1800, batch=64, peak=2e-3, fall=0.9),
    vae=Course(steps=1500, batch=16, peak=2e-3, fall=0.9, keep=0.99),
    images=Course(steps=3000, batch=32, peak=1e-3, fall=0.01),
    paths=Course(steps=300, batch=4, peak=1e-3, warm_up=20, fall=0.01),
    clips=Course(steps=2000, batch=4, peak=1e-3, fall=0.5, keep=0.995),
    outlines=Course(steps=3000, batch=4, peak=8e-4, warm_up=40, fall=0.7, keep=0.997),
    decoder=Course(steps=2400, batch=8, peak=1e-3, warm_up=20, fall=0.7, keep=0.99, decay=0),
    lora=Course(steps=800, batch=4, peak=2e-3, warm_up=10, fall=0.6, keep=0.98),
    embedding=Course(steps=300, batch=4, peak=5e-3, warm_up=10, fall=0.5, keep=0.9),
    captions=8000,
    drafts=200,
    few=0.7,
)
GPU = Plan(
    world=World(),
    text=Course(steps=4000, batch=256, peak=2e-3, fall=0.9),
    vae=Course(steps=8000, batch=64, peak=2e-3, fall=0.9),
    images=Course(steps=15000, batch=256, peak=1e-3, fall=0.01),
    paths=Course(steps=1000, batch=32, peak=1e-3, warm_up=20, fall=0.01),
    clips=Course(steps=12000, batch=32, peak=1e-3, fall=0.3),
    outlines=Course(steps=13000, batch=32, peak=8e-4, fall=0.7),
    decoder=Course(steps=6000, batch=32, peak=1e-3, warm_up=20, fall=0.6, decay=0),
    lora=Course(steps=1500, batch=16, peak=2e-3, fall=0.5, keep=0.99),
    embedding=Course(steps=600, batch=16, peak=5e-3, fall=0.5, keep=0.9),
    captions=60000,
    drafts=1000,
    few=0.3,
)
PLANS = {"cpu": CPU, "gpu": GPU}
