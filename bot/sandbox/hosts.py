"""The names under which a bot looks for Discord."""

DISCORD_HOST = "discord.com"
GATEWAY_HOST = "gateway.discord.gg"
RESUME_HOST = "gateway-us-east1-b.discord.gg"
CDN_HOST = "cdn.discordapp.com"
MEDIA_HOST = "media.discordapp.net"

HOSTS = (DISCORD_HOST, GATEWAY_HOST, RESUME_HOST, CDN_HOST, MEDIA_HOST)
