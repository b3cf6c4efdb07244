"""`python -m bot legal`: the templates for a privacy policy and for terms, filled in.

Who gets the prompts is what members have a right to know, so it is read from what is turned on
and not from what somebody remembers.
"""

import argparse
from pathlib import Path

from bot.settings import Settings
from jobs.errors import SettingsError
from jobs.moderation.guilds import days_words
from jobs.request import ProviderName

TEMPLATES = ("privacy-policy", "terms")
FOLDER = Path(__file__).parents[1] / "docs/legal"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `legal` takes."""
    parser.add_argument("template", choices=TEMPLATES)
    parser.add_argument("--operator", default="{operator}", help="who runs the bot")
    parser.add_argument("--contact", default="{contact}", help="how to reach them")


def legal(settings: Settings, arguments: argparse.Namespace) -> str:
    """Return a template, filled in.

    Raises:
        SettingsError: The templates are not there, as in a package without its docs.
    """
    try:
        text = (FOLDER / f"{arguments.template}.md").read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(
            f"the templates are not in {FOLDER}; take them from the repository"
        ) from error
    values = {
        "operator": arguments.operator,
        "contact": arguments.contact,
        "providers": providers_sentence(settings),
        "retention": days_words(settings.retention_days or None)
        if settings.retention_days
        else "as long as the bot runs",
    }
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


def providers_sentence(settings: Settings) -> str:
    """Say which hosted providers get the prompts."""
    names = [one.label for one in hosted(settings)]
    if not names:
        return "Videos are made on machines of the operator; no other company gets your prompts."
    return (
        f"Videos may be made by {' or '.join(names)}: where they are, your prompt, your settings "
        "and your image are sent there, without your name or id, and the terms and the privacy "
        "policy of that company hold for them too."
    )


def hosted(settings: Settings) -> list[ProviderName]:
    """Return the hosted providers that are turned on."""
    keys = {
        ProviderName.MODELSLAB: settings.modelslab_api_key,
        ProviderName.NOVITA: settings.novita_api_key,
    }
    return [name for name, key in keys.items() if key is not None]
