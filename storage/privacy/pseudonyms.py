"""Codes that stand for members whose data was deleted.

Without them a deletion would lift a block and a limit, and give a spent quota back. A code is a
keyed hash of a member's id in a server: it can be made again when that member comes back, and not
be read. The key lies in the database, so a code is no secret from whoever has the file and guesses
the id; codes in the books are therefore exchanged for chance once the month that they count in is
over.
"""

import hashlib
import hmac
import re
import sqlite3

KEY = "privacy:key"
MEMBERS_ACCOUNT = re.compile(r"guild:(\d+)/user:(\d+)")
CODE_CHARS = 32  # 128 bits
FORMER = "former:"  # what a limit's target begins with, once its member's data was deleted


def code_of(connection: sqlite3.Connection, guild_id: int, user_id: int) -> str:
    """Return the code that stands for a member of a server."""
    row = connection.execute("SELECT value FROM value WHERE name = ?", (KEY,)).fetchone()
    key = bytes.fromhex(row["value"])
    return hmac.new(key, f"{guild_id}/{user_id}".encode(), hashlib.sha256).hexdigest()[:CODE_CHARS]


def former_account(connection: sqlite3.Connection, account: str) -> str:
    """Return what a member's account is called once their data was deleted.

    An account that is no member's is returned as it is.
    """
    found = MEMBERS_ACCOUNT.fullmatch(account)
    if found is None:
        return account
    guild_id, user_id = int(found[1]), int(found[2])
    return f"guild:{guild_id}/former:{code_of(connection, guild_id, user_id)}"


def former_target(connection: sqlite3.Connection, guild_id: int, user_id: int) -> str:
    """Return whose a member's own limits are once their data was deleted."""
    return FORMER + code_of(connection, guild_id, user_id)
