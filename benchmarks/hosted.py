"""What Flipbook adds to the time of a hosted provider: from its "accepted" to the post.

The stand-in is done at once, so nothing but our own way is in it: until we ask whether it is
done, the download, the two media children, and the upload.
"""

import socket
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path

from benchmarks.playground import Playground, open_playground
from benchmarks.service import open_service
from benchmarks.table import Row, spread_s

VIDEOS = 5
LINE = '/video prompt:"a lighthouse at dusk" width:256 height:256'


async def measure(folder: Path) -> AsyncGenerator[Row]:
    """Yield the time with and without an address for webhooks."""
    port = _free_port()
    reached = {
        "FLIPBOOK_HTTP_PORT": str(port),
        "FLIPBOOK_PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    for how, public in (("polled", {}), ("with its webhook", reached)):
        own = folder / f"hosted-{len(public)}"
        own.mkdir()
        async with open_service(own) as service:
            settings = {**service.settings, **public}
            async with open_playground(own, "bot", settings=settings) as playground:
                took = [await _way(playground) for _ in range(VIDEOS)]
        yield Row(what=f"accepted by a provider to the post, {how}", measured=spread_s(took))


async def _way(playground: Playground) -> float:
    """Return the seconds from the submit's answer to the request that posts the video."""
    job_id = await playground.video(LINE)
    return playground.posted_at(job_id) - playground.times(job_id)[0]


def _free_port() -> int:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
