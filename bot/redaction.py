"""Secrets known by their shape: what nobody has told us is a secret, and yet is one in a log.

A service's answer may quote the body that was sent, which holds the key, and a signed address is
as good as the file behind it to whoever reads it.
"""

import re

MASK = "•••"
QUOTE = r"""\\*["']"""  # in JSON within JSON, quotes are escaped

SHAPES = (
    re.compile(r"""(://)[^\s/@"'<>\\]+(?=@)"""),  # a name and a password before a host
    # Whatever is long in a query, since every store of files has other names for its signatures.
    re.compile(r"""([?&](?:[\w.~%+\[\]-]*=)?)[^\s&"'<>\\]{8,}"""),
    # The same query without its address: AWS, R2 and Google; CloudFront; Azure.
    re.compile(
        r"""(\b(?:x-(?:amz|goog)-[a-z-]+|signature|sig|key-pair-id|policy|token)=)[^\s&"'<>\\]+""",
        re.IGNORECASE,
    ),
    re.compile(rf"""({QUOTE}(?:api[_-]?)?key{QUOTE}\s*:\s*{QUOTE})[^"'\\]+""", re.IGNORECASE),
    re.compile(
        rf"""(\bauthorization(?:{QUOTE})?\s*[:=,]\s*(?:b?{QUOTE})?(?:(?:bearer|basic|bot)\s+)?)"""
        r"""[^\s"'\\,;)}\]]+""",
        re.IGNORECASE,
    ),
    re.compile(r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE),
)


def hide_shapes(text: str) -> str:
    """Return a text without signatures of addresses, keys in bodies, and `Authorization` values."""
    for shape in SHAPES:
        text = shape.sub(rf"\1{MASK}", text)
    return text
