"""The way back to an interaction, by the token that it left."""

import discord


def webhook_of(client: discord.Client, application_id: int, token: str) -> discord.Webhook:
    """Return what answers an interaction that is no longer at hand."""
    webhook = discord.Webhook.partial(application_id, token, client=client)
    webhook.type = discord.WebhookType.application
    webhook.proxy = client.http.proxy  # discord.py 2.7.1 takes the session over, not this
    return webhook
