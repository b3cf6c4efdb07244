"""A plotter that draws at once: the smallest PNG there is, whatever was made."""

from io import BytesIO

from PIL import Image

from jobs.errors import PlotError
from jobs.usage.days import Usage


class FakePlotter:
    """The `Plotter` port; it keeps what it was given, and fails with `trouble` if there is any."""

    def __init__(self) -> None:
        self.drawn: list[Usage] = []
        self.trouble = ""

    async def draw(self, usage: Usage) -> bytes:
        if self.trouble:
            raise PlotError(self.trouble)
        self.drawn.append(usage)
        content = BytesIO()
        Image.new("RGB", (1, 1)).save(content, "PNG")
        return content.getvalue()
