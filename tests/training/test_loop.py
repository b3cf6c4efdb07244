"""Training goes on from where it was stopped, and what it keeps is whole."""

from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from training.shapes.learning import state
from training.shapes.learning.crew import Crew
from training.shapes.learning.loop import Course, Step, train

COURSE = Course(steps=60, batch=8, peak=0.05, warm_up=5, save_every=20, keep=0.5)


def line() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(1, 1)


def learn(module: nn.Linear, folder: Path, course: Course) -> list[int]:
    """Learn y = 3x - 1, and return the numbers of the steps that were taken."""
    taken: list[int] = []

    def loss_of(step: Step) -> Tensor:
        taken.append(step.number)
        x = torch.rand(course.batch, 1, generator=step.generator)
        return (module(x) - (3 * x - 1)).square().mean()

    train(module, loss_of, stage="line", course=course, crew=Crew(), folder=folder, seed=1)
    return taken


def test_a_stage_learns_and_leaves_the_average_in_its_module(tmp_path: Path) -> None:
    module = line()
    before = (module.weight - 3).abs().item()
    learn(module, tmp_path, COURSE)
    assert (module.weight - 3).abs().item() < before / 2
    kept = state.load(tmp_path, "line")
    assert kept is not None
    assert torch.equal(kept.average["weight"], module.weight.detach())
    assert not module.training


def test_a_stopped_stage_goes_on_after_the_last_state(tmp_path: Path) -> None:
    stopped = Course(steps=40, batch=8, peak=0.05, warm_up=5, save_every=20, keep=0.5)
    learn(line(), tmp_path, stopped)
    assert learn(line(), tmp_path, COURSE) == list(range(40, 60))


def test_a_finished_stage_is_not_trained_again(tmp_path: Path) -> None:
    first, second = line(), line()
    learn(first, tmp_path, COURSE)
    assert learn(second, tmp_path, COURSE) == []
    assert torch.equal(first.weight, second.weight)


def test_the_same_seed_learns_the_same(tmp_path: Path) -> None:
    first, second = line(), line()
    learn(first, tmp_path / "a", COURSE)
    learn(second, tmp_path / "b", COURSE)
    assert torch.equal(first.weight, second.weight)


def test_each_step_and_each_process_has_chance_of_its_own() -> None:
    draws = {
        (stage, number, rank): Step.of(1, stage, number, rank).rng.random()
        for stage in ("a", "b")
        for number in (0, 1)
        for rank in (0, 1)
    }
    assert len(set(draws.values())) == len(draws)
    assert Step.of(1, "a", 0, 0).rng.random() == draws["a", 0, 0]


def test_the_loss_is_written_down_as_it_goes(tmp_path: Path) -> None:
    learn(line(), tmp_path, COURSE)
    rows = (tmp_path / "line.csv").read_text().splitlines()
    assert rows[0] == "step,seconds,loss"
    assert [row.split(",")[0] for row in rows[1:]] == ["0", "25", "50"]


def test_a_state_is_split_into_files_that_can_be_carried(tmp_path: Path) -> None:
    large = {f"layer{number}": torch.full((1000, 1000), float(number)) for number in range(9)}
    state.save(tmp_path, "large", state.State(step=1, weights=large, average={}))
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) == 3
    assert all(file.stat().st_size < 16_100_000 for file in files)
    read = state.load(tmp_path, "large")
    assert read is not None
    assert all(torch.equal(read.weights[name], value) for name, value in large.items())


def test_a_state_that_was_not_finished_leaves_the_one_before(tmp_path: Path) -> None:
    old = state.State(step=1, weights={"a": torch.ones(2)}, average={"a": torch.zeros(2)})
    state.save(tmp_path, "s", old)
    (tmp_path / "s-0000002-00.safetensors").write_bytes(b"half a fi")
    (tmp_path / "s.json.part").write_text('{"step": 2, "fi')
    read = state.load(tmp_path, "s")
    assert read is not None
    assert (read.step, read.weights["a"].tolist()) == (1, [1, 1])


def test_the_state_before_goes_when_the_new_one_is_whole(tmp_path: Path) -> None:
    for step in (1, 2):
        kept = state.State(step=step, weights={"a": torch.full((2,), step)}, average={})
        state.save(tmp_path, "s", kept)
    names = [path.name for path in tmp_path.glob("*.safetensors")]
    assert len(names) == 1
    with safe_open(tmp_path / names[0], "pt") as file:
        assert file.get_tensor("weights.a").tolist() == [2, 2]


def test_the_rate_rises_stays_and_falls_to_nothing() -> None:
    course = Course(steps=1000, batch=1, peak=1.0, warm_up=100, fall=0.3)
    rates = [course.rate(step, since=0) for step in (0, 50, 100, 500, 699, 850, 999)]
    assert rates == [0.01, 0.51, 1.0, 1.0, 1.0, 0.5, 1 / 300]
    assert course.rate(500, since=500) == 0.01
