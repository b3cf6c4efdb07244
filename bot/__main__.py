"""The command line: `python -m bot` and a command; docs/commands.md tells them all.

A command prints what it is asked for on stdout and everything else on stderr. It exits with
0 if all went well, 2 if its input was wrong, 1 if something failed; the last line says what.
"""

import argparse
import asyncio
import importlib.util
import logging
import signal
import sys
from collections.abc import Callable, Coroutine

from bot import __version__
from bot.logs import set_up_logs
from bot.settings import Settings, load_settings
from jobs.errors import FlipbookError, RequestError, SettingsError
from jobs.request import ProviderName

HOSTED = [name.value for name in ProviderName if name is not ProviderName.LOCAL]

LASTING = ("run", "serve")  # commands that tell what they do while they do it

Command = Callable[[Settings, argparse.Namespace], Coroutine[None, None, int]]


async def run(settings: Settings, _: argparse.Namespace) -> int:
    """Run the bot until SIGTERM or SIGINT."""
    from bot.run import run_bot

    await run_bot(settings)
    return 0


async def serve(settings: Settings, _: argparse.Namespace) -> int:
    """Serve the HTTP door without Discord until SIGTERM or SIGINT."""
    from bot.serve import serve as serve_all

    await serve_all(settings)
    return 0


async def keys(settings: Settings, arguments: argparse.Namespace) -> int:
    """Make, list or revoke the keys of the HTTP door."""
    from bot.keys import keys as manage

    for line in await manage(settings, arguments):
        print(line)
    return 0


async def check(settings: Settings, _: argparse.Namespace) -> int:
    """Try settings, database and backends."""
    from bot.check import check as check_all

    return 0 if await check_all(settings) else 1


async def doctor(settings: Settings, arguments: argparse.Namespace) -> int:
    """Probe the hosted providers."""
    from bot.doctor import doctor as probe

    only = ProviderName(arguments.provider) if arguments.provider else None
    return 0 if await probe(settings, only=only) else 1


async def sync(settings: Settings, arguments: argparse.Namespace) -> int:
    """Send the slash commands to Discord now."""
    from bot.run import sync_commands

    print(await sync_commands(settings, guild=arguments.guild))
    return 0


async def render(settings: Settings, arguments: argparse.Namespace) -> int:
    """Render one video into a file."""
    from bot.render import render as render_one
    from bot.render import report

    report(await render_one(settings, arguments), as_json=arguments.json)
    return 0


async def demo(settings: Settings, arguments: argparse.Namespace) -> int:
    """Show one `/video` from the slash command to the posted file."""
    _require("trustme", extra="sandbox")
    from bot.demo import demo as show

    await show(
        settings,
        prompt=arguments.prompt,
        seed=arguments.seed,
        provider=ProviderName(arguments.provider),
    )
    return 0


async def sandbox(settings: Settings, arguments: argparse.Namespace) -> int:
    """Keep the sandbox open, with the bot in it, until SIGTERM or SIGINT."""
    _require("trustme", extra="sandbox")
    from bot.demo import keep_open

    await keep_open(settings, port=arguments.port)
    return 0


async def legal(settings: Settings, arguments: argparse.Namespace) -> int:
    """Print a template for a privacy policy, or for terms, filled in."""
    from bot.legal import legal as fill_in

    print(fill_in(settings, arguments))
    return 0


async def models(settings: Settings, arguments: argparse.Namespace) -> int:
    """List, add, remove or verify what the local engine renders with."""
    from bot.models import models as manage

    return await manage(settings, arguments)


def _require(module: str, *, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise SettingsError(f"this needs an extra: pip install 'flipbook[{extra}]'")


def build_parser() -> argparse.ArgumentParser:
    """Build the command line; docs/commands.md shows its help."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Text to video for Discord.")
    parser.add_argument("--version", action="version", version=f"flipbook {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, command: Command, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=command)
        return sub

    add("run", run, "run the bot (needs DISCORD_TOKEN)")
    add("serve", serve, "serve the HTTP door alone, without Discord")
    add_keys(add("keys", keys, "make, list or revoke the keys of the HTTP door"))
    add("check", check, "try settings, database and backends; the exit code says it")
    add("doctor", doctor, "probe the hosted providers without spending").add_argument(
        "--provider", choices=HOSTED, help="this one only; the others are left alone"
    )
    add("sync", sync, "send the slash commands to Discord now").add_argument(
        "--guild", type=int, help="to this server only, where they appear at once"
    )
    add_models(add("models", models, "list, add, remove or verify the local engine's models"))
    add_legal(add("legal", legal, "print a privacy policy, or terms, that name your providers"))
    add_render(add("render", render, "render one video into a file, without Discord"))
    showing = add("demo", demo, "show one /video from command to file, in the sandbox")
    showing.add_argument("--prompt", default="a red circle moving left on a blue background")
    showing.add_argument("--seed", type=int, default=7)
    showing.add_argument(
        "--provider",
        choices=[name.value for name in ProviderName],
        default=ProviderName.LOCAL.value,
        help="who renders; a hosted one needs its key, and bills for it",
    )
    add("sandbox", sandbox, "keep the sandbox open, with a chat page in the browser").add_argument(
        "--port", type=int, default=0, help="where the chat page is (any free port)"
    )
    return parser


def add_render(parser: argparse.ArgumentParser) -> None:
    """Add the options of `render`."""
    from bot.render import add_arguments

    add_arguments(parser)


def add_keys(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `keys`."""
    from bot.keys import add_arguments

    add_arguments(parser)


def add_legal(parser: argparse.ArgumentParser) -> None:
    """Add what `legal` takes."""
    from bot.legal import add_arguments

    add_arguments(parser)


def add_models(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `models`."""
    from bot.model_options import add_arguments

    add_arguments(parser)


def main() -> None:
    """Run one command and exit with its code."""
    arguments = build_parser().parse_args()
    try:
        settings = load_settings()
        set_up_logs(
            settings.log_format,
            settings.secrets,
            level=logging.INFO if arguments.command in LASTING else logging.WARNING,
        )
        code = asyncio.run(_run(arguments.run(settings, arguments)))
    except RequestError as error:
        code = _say(error, 2)
    except FlipbookError as error:
        code = _say(error, 1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = _say("stopped", 130)
    sys.exit(code)


async def _run(command: Coroutine[None, None, int]) -> int:
    """Run a command; SIGTERM cancels it, so that what it started is ended with it."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await command


def _say(error: FlipbookError | str, code: int) -> int:
    print(f"flipbook: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    main()
