"""Where ModelsLab is asked: the paths of each generation of its API.

The paths are documented at docs.modelslab.com and, for v4, in the text that came with
stablediffusionapi.com ("Train Text to Video Endpoint").
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from urllib.parse import quote

from typing_extensions import override

from jobs.errors import UnavailableError


class Dialect(StrEnum):
    """The generations of the API, each with fields of its own."""

    V4 = "v4"  # DreamBooth models; takes neither frames nor frame rate
    V6 = "v6"  # ModelsLab's own video models
    V7 = "v7"  # the models of partners; takes a shape and a length


SUBMIT = {
    Dialect.V4: "/api/v4/dreambooth/text2video",
    Dialect.V6: "/api/v6/video/text2video",
    Dialect.V7: "/api/v7/video-fusion/text-to-video",
}
FETCH = {
    Dialect.V4: "/api/v3/dreambooth/fetch/",  # the v4 document sends its readers to v3
    Dialect.V6: "/api/v6/video/fetch/",
    Dialect.V7: "/api/v7/video-fusion/fetch/",
}
MODEL_LIST = "/api/v4/dreambooth/model_list"
REQUEST_COUNT = "/api/v6/processing/request_count"  # free, needs the key, 30 a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A dialect at a base URL; as text it is written on each job, to be polled there."""

    dialect: Dialect
    base_url: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` wrote.

        Raises:
            UnavailableError: It names no dialect of ours, so there is nowhere to ask.
        """
        word, _, base_url = text.partition(" ")
        if word not in set(Dialect) or not base_url:
            detail = f"not an endpoint of ModelsLab: {text!r}"
            raise UnavailableError("ModelsLab cannot be asked about this video.", detail=detail)
        return cls(dialect=Dialect(word), base_url=base_url.rstrip("/"))

    @override
    def __str__(self) -> str:
        return f"{self.dialect} {self.base_url}"

    @property
    def submit_url(self) -> str:
        """Where a job is submitted."""
        return self.base_url + SUBMIT[self.dialect]

    @property
    def shelf_url(self) -> str:
        """Where the key is tried for nothing, and in v4 the models are listed."""
        return self.base_url + (MODEL_LIST if self.dialect is Dialect.V4 else REQUEST_COUNT)

    def fetch_url(self, job_id: str) -> str:
        """Return where a job is asked after.

        It is built from the id alone: `fetch_result` of an answer is an address that somebody
        else chose, and the key is sent to this one.
        """
        return self.base_url + FETCH[self.dialect] + quote(job_id, safe="")
