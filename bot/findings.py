"""What `check` and `doctor` found, one line for each thing tried."""

from collections.abc import AsyncIterable, Sequence
from dataclasses import dataclass

from bot.logs import hide
from bot.redaction import hide_shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was tried.

    Attributes:
        name: What it is, as a claim that is true unless there is a problem.
        problem: What is wrong.
        is_open: It was not proved, and not disproved either; the name says what is missing.
    """

    name: str
    problem: str | None = None
    is_open: bool = False

    def line(self) -> str:
        """Return it as it is printed."""
        if self.problem is not None:
            return f"FAIL  {self.name}: {self.problem}"
        return f"{'note' if self.is_open else 'ok  '}  {self.name}"


async def tell(findings: AsyncIterable[Finding], *, secrets: Sequence[str]) -> bool:
    """Print findings as they come, and say whether all is well."""
    is_well = True
    async for finding in findings:
        print(hide_shapes(hide(finding.line(), secrets)), flush=True)
        is_well = is_well and finding.problem is None
    return is_well
