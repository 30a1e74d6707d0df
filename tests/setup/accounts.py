"""The accounts of `syncer db grants` on a private server: made as its administrator makes them, and dropped again."""

from __future__ import annotations

import subprocess

from syncer.setup.grants import ACCOUNTS
from tests.support.servers import Server, binary, postgres_binary

PASSWORD = "a-password"


def granted(server: Server, database: str, printed: str) -> None:
    """Run what `syncer db grants --host 127.0.0.1` printed, as piped into the server's client."""
    statements = (line.split("  -- ")[0].strip() for line in printed.splitlines())
    server.script((each.replace("%", "%%") for each in statements if each and not each.startswith("--")), database)


def let_in(server: Server, account: str) -> None:
    """Do what stands beside an account: a password, and then the lock opened."""
    if server.kind == "mariadb":
        server.sql(f"ALTER USER 'syncer_{account}'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        server.sql(f"ALTER USER 'syncer_{account}'@'127.0.0.1' ACCOUNT UNLOCK")
    else:
        server.sql(f"ALTER ROLE syncer_{account} PASSWORD '{PASSWORD}'")
        server.sql(f"ALTER ROLE syncer_{account} LOGIN")


def drop_accounts(server: Server, database: str) -> None:
    """Drop every account."""
    for account in ACCOUNTS:
        if server.kind == "mariadb":
            server.sql(f"DROP USER IF EXISTS 'syncer_{account}'@'127.0.0.1'")
            continue
        role = f"syncer_{account}"
        server.script((f"REASSIGN OWNED BY {role} TO postgres", f"DROP OWNED BY {role}", f"DROP ROLE {role}"), database)


def piped(server: Server, database: str, printed: str) -> None:
    """Pipe what `syncer db grants` printed into the server's own client, as an administrator does."""
    words = {
        "mariadb": [binary("mariadb"), "--no-defaults", "--host=127.0.0.1",
                    f"--port={server.port}", "--user=root", "--default-character-set=utf8mb4", database],
        "postgresql": [postgres_binary("psql"), "--no-psqlrc", "--quiet", "-v", "ON_ERROR_STOP=1",
                       f"postgresql://postgres@127.0.0.1:{server.port}/{database}"],
    }[server.kind]  # fmt: skip
    subprocess.run(words, input=printed, encoding="utf-8", check=True, capture_output=True)
