"""What the subject needs from the outside, as protocols.

Storage, providers, cogs and the HTTP front door implement these; `bot.app` brings them
together. Nobody but the runner sees more than one of them.
"""

from jobs.ports.keys import KeyStore, ValueStore
from jobs.ports.moderation import (
    AppealStore,
    AuditLog,
    CaseStore,
    GuildLog,
    GuildStore,
    MemberPost,
    OutcomeStore,
    PolicyStore,
    Postings,
    QuotaStore,
)
from jobs.ports.privacy import PrivacyStore, RetentionStore, VideoFolder
from jobs.ports.table import JobStore
from jobs.ports.usage import Plotter, UsageStore
from jobs.ports.work import (
    ArtifactStore,
    Catalogue,
    Clock,
    Delivery,
    Inbox,
    Media,
    Provider,
    Rendering,
)

__all__ = (
    "AppealStore",
    "ArtifactStore",
    "AuditLog",
    "CaseStore",
    "Catalogue",
    "Clock",
    "Delivery",
    "GuildLog",
    "GuildStore",
    "Inbox",
    "JobStore",
    "KeyStore",
    "Media",
    "MemberPost",
    "OutcomeStore",
    "Plotter",
    "PolicyStore",
    "Postings",
    "PrivacyStore",
    "Provider",
    "QuotaStore",
    "Rendering",
    "RetentionStore",
    "UsageStore",
    "ValueStore",
    "VideoFolder",
)
