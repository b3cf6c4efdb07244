"""Neither an error nor a line of the log tells a secret that was part of a call."""

import logging
import traceback

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.logs import JsonFormatter, Redactor
from jobs.errors import ProviderError
from tests.fakes.raw_server import RawServer, Reply, answers, head, says
from tests.providers.patience import open_http

REPLIES: dict[str, Reply] = {
    "/nothing": says(),
    "/noise": says(b"\x00" * 10),
    "/half": says(head(200, "Content-Length: 100") + b"{"),
    "/chunk": says(head(200, "Transfer-Encoding: chunked") + b"zz\r\n"),
    "/404": answers(status=404),
    "/500": answers(status=500),
    "/away": answers(status=302, headers=("Location: http://127.0.0.1:1/?sig=1",)),
    "/packed": answers(b"x", headers=("Content-Encoding: gzip",)),
}

SECRETS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=12, max_size=40)


def everything_said_by(error: BaseException) -> str:
    """Return an error in all the ways in which one is written down, with all that led to it."""
    told = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    for other in (error.__cause__, error.__context__):
        told += [everything_said_by(other)] if other is not None else []
    return "\n".join(told)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(secret=SECRETS, path=st.sampled_from([*REPLIES, "/closed", "/elsewhere", "/userinfo"]))
async def test_no_error_and_no_log_line_holds_a_secret(secret: str, path: str) -> None:
    async with RawServer.open(replies=REPLIES) as server, open_http(server.url) as http:
        base = {
            "/closed": server.url,
            "/elsewhere": "http://127.0.0.1:1",
            "/userinfo": server.url.replace("//", f"//{secret}@"),
        }.get(path, server.url)
        address = f"{base}{path}?X-Amz-Signature={secret}"
        headers = {"Authorization": f"Bearer {secret}" + "\n" * (path == "/closed")}
        found: list[Exception] = []
        try:
            await http.call("POST", address, json={"key": secret}, headers=headers)
        except ProviderError as error:
            found.append(error)
        try:
            async with http.download(address, limit=100) as chunks:
                _ = [chunk async for chunk in chunks]
        except Exception as error:  # noqa: BLE001 -- all of them are looked at
            found.append(error)
    for error in found:
        assert secret not in everything_said_by(error)
        record = logging.makeLogRecord(
            {"msg": "Job failed: %s", "args": (address,), "exc_info": (type(error), error, None)}
        )
        for inner in (logging.Formatter(), JsonFormatter()):
            assert secret not in Redactor(inner, [secret]).format(record)
            assert secret not in Redactor(inner, []).format(record)
    assert found or path == "/closed"
