"""Signing in with a password and a code, and showing a second factor again: believed, refused, or asked to wait.

A name that nobody has costs what a real one costs and is answered alike. What was typed is never written down.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from syncer.console.keeping.first_factor import FirstFactorLeave
from syncer.console.sign_in import passwords
from syncer.console.sign_in.accounts import Account, AccountBook
from syncer.console.sign_in.factors import Factors
from syncer.console.sign_in.person import OIDC, PROXY, Person
from syncer.console.sign_in.sessions import hashed
from syncer.console.sign_in.throttle import EVERYBODY, Bucket, Throttle, made_meanwhile
from syncer.database.failures import retry_on_conflict
from syncer.domain.permissions import Role

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.audit.transaction import Transaction
    from syncer.console.sign_in.sessions import Sessions

PASSWORD, CODE = "password", "code"
SIGN_IN, STEP_UP = "sign-in", "step-up"
#: what is set in a cookie by which a browser is known
_BROWSER = re.compile(r"[A-Za-z0-9_-]{22}")
#: what the log says where strangers together have no tries left
ALL_WAIT = "too many tries of everybody together"
#: who acts where nobody is believed yet; no account has such a name
NOBODY = "?"


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """How a try ended: with the value of a new cookie, or without. `wait` is how many seconds to let pass, or 0.

    `browser` is the cookie by which the browser is known from now on.
    """

    cookie: str | None = None
    wait: int = 0
    browser: str = ""


class SigningIn:
    """Tries of one request, which comes from `network` (/24 or /48); `browser` is the cookie it is known by, or ""."""

    def __init__(
        self, app: App, sessions: Sessions, throttle: Throttle, second_factor: str, network: str, browser: str
    ) -> None:
        self._app = app
        self._sessions = sessions
        self._throttle = throttle
        self._second_factor = second_factor
        self._network = network
        self._browser = browser if _BROWSER.fullmatch(browser) else ""

    def sign_in(self, name: str, password: str, code: str, before: str | None) -> SignInAnswer:
        """Believe a name with password and code, or do not. `before` is the hash of the session that ends thereby."""
        buckets = self._throttle.buckets(SIGN_IN, name, self._network, self._browser)
        wait = self._throttle.take(buckets)
        account = self._book().find(name)
        if wait:
            self._asked_to_wait(account, buckets, PASSWORD)
            return SignInAnswer(wait=wait)
        right = passwords.is_right(password, account.password if account else None)
        if account is None or not right:
            self._refused(account, buckets, PASSWORD, "name or password")
            return SignInAnswer()
        if account.barred is not None:
            self._refused(account, buckets, PASSWORD, account.barred)
            return SignInAnswer()
        return self._with_second_factor(account, code, buckets, before)

    def _with_second_factor(
        self, account: Account, code: str, buckets: list[Bucket], before: str | None
    ) -> SignInAnswer:
        step = self._factors().step(account, code)
        if account.totp_sealed is None and account.needs_second_factor(self._second_factor):
            self._refused(account, buckets, PASSWORD, "the account has no second factor")
            return SignInAnswer()
        if account.totp_sealed is not None and step is None:
            self._refused(account, buckets, PASSWORD, "the code of the app")
            return SignInAnswer()
        browser = self._browser or secrets.token_urlsafe(16)
        cookie = self._opened(account, step, buckets, before, browser)
        if cookie is None:
            self._refused(account, buckets, PASSWORD, "the code of the app was used, or the account changed")
        return SignInAnswer(cookie, browser=browser)

    @made_meanwhile
    @retry_on_conflict
    def _opened(
        self, account: Account, step: int | None, buckets: list[Bucket], before: str | None, browser: str
    ) -> str | None:
        """Open the session, unless the code was used or the account changed while the password was looked at."""
        app = self.acting(account.name, PASSWORD)
        with app.transactions.write() as tx:
            u = app.tables.user
            unchanged = (u.c.name == account.name, u.c.password == account.password, u.c.disabled_at.is_(None))
            if tx.connection.execute(u.update().where(*unchanged).values(last_seen_at=tx.now)).rowcount != 1:
                return None
            if step is not None and not self._factors().use(tx, account, step):
                return None
            self._throttle.succeeded(tx, buckets, account.name, self._network, browser)
            tx.audit.add("console:signed_in", facts={"second_factor": step is not None})
            return self._sessions.open(
                tx, account.name, PASSWORD, self._network, stepped_up=step is not None, in_place_of=before
            )

    def step_up(self, person: Person, code: str) -> SignInAnswer:
        """Believe the code of somebody who is signed in, and go on under a new cookie, or do not."""
        # those of one session: whoever stole its cookie keeps nobody else from their own second factor
        buckets = [self._throttle.of_account(STEP_UP, person.name, person.session)]
        if person.via in (OIDC, PROXY):  # by whose word sessions are had for nothing: each would bring tries of its own
            buckets.append(self._throttle.of_account(STEP_UP, person.name, "vouched"))
        account = self._book().find(person.name)
        wait = self._throttle.take(buckets)
        if wait:
            self._refused(account, buckets, person.via, "too many tries")
            return SignInAnswer(wait=wait)
        step = self._factors().step(account, code) if account and account.barred is None else None
        cookie = None if account is None or step is None else self._stepped_up(person, account, step, buckets)
        if cookie is None:
            self._refused(account, buckets, person.via, "the code of the app")
        return SignInAnswer(cookie)

    @made_meanwhile
    @retry_on_conflict
    def _stepped_up(self, person: Person, account: Account, step: int, buckets: list[Bucket]) -> str | None:
        with self._app.acting_as(person.actor).transactions.write() as tx:
            if not self._factors().use(tx, account, step):
                return None
            self._throttle.succeeded(tx, buckets, account.name)
            return self._sessions.step_up(tx, person)

    def not_the_password(self, account: Account, bucket: Bucket, via: str) -> None:
        """Note that somebody who is signed in does not know their present password, or tried it too often."""
        self._refused(account, [bucket], via, "the present password")

    def not_a_code(self) -> int:
        """Note that a code to begin with was none, or is good no more; return how many seconds to wait, or 0.

        A good one is never asked to wait: it has 120 bits, and nobody shuts its owner out.
        """
        wait = self._throttle.take([self._throttle.of_network(self._network)])
        self._refused(None, [], CODE, "too many tries" if wait else "the code to begin with")
        return wait

    def not_vouched(self, via: str, why: str, account: Account | None = None) -> int:
        """Note that another site's word for somebody was not believed, and `why`; return the seconds to wait, or 0."""
        wait = self._throttle.take([self._throttle.of_network(self._network)])
        buckets = [self._throttle.of_account(via, account.name, self._network)] if account else []
        self._refused(account, buckets, via, "too many tries" if wait else why)
        return wait

    @retry_on_conflict
    def vouched(self, name: str, via: str, roles: Sequence[Role], before: str | None) -> str:
        """Sign in somebody without an account, for whom another site vouches; return the cookie's value."""
        with self.acting(name, via).transactions.write() as tx:
            tx.audit.add("console:signed_in", facts={"second_factor": False})
            return self._sessions.open(tx, name, via, self._network, stepped_up=False, roles=roles, in_place_of=before)

    @retry_on_conflict
    def recognised(
        self,
        account: Account,
        via: str,
        before: str | None,
        still: Callable[[Transaction], bool],
        *,
        by_code: bool = False,
    ) -> str | None:
        """Sign in whom another site recognised as the owner of an account; return the cookie's value.

        None where that is so no more within the transaction: nobody comes in beside a reset. `by_code`: they showed
        the code to begin with, too, and may choose a first factor of their own.
        """
        with self.acting(account.name, via).transactions.write() as tx:
            if not still(tx):
                return None
            tx.audit.add("console:signed_in", facts={"second_factor": False})
            cookie = self._sessions.open(tx, account.name, via, self._network, stepped_up=False, in_place_of=before)
            if by_code:
                FirstFactorLeave(self._app.transactions).give(tx, hashed(cookie))
            return cookie

    def enrol(self, account: Account, code: str, password: str, secret: str | None, step: int | None) -> bool:
        """Let an account begin with what its owner chose; see `Factors.enrol`."""
        transactions = self.acting(account.name, CODE).transactions
        return Factors(transactions, self._app.keyring).enrol(account, code, password, secret, step)

    @made_meanwhile
    @retry_on_conflict
    def enrolled(self, account: Account, *, stepped_up: bool, before: str | None) -> SignInAnswer:
        """Sign in whoever chose their factors just now."""
        browser = self._browser or secrets.token_urlsafe(16)
        with self.acting(account.name, CODE).transactions.write() as tx:
            self._throttle.succeeded(tx, [], account.name, self._network, browser)
            tx.audit.add("console:signed_in", facts={"second_factor": stepped_up})
            cookie = self._sessions.open(
                tx, account.name, CODE, self._network, stepped_up=stepped_up, in_place_of=before
            )
        return SignInAnswer(cookie, browser=browser)

    def _refused(self, account: Account | None, buckets: list[Bucket], via: str, why: str) -> None:
        """Note a refusal, once in 15 minutes for each bucket: an account's own, or the network's for who is nobody."""
        name = self._throttle.of_network(self._network).name if account is None else buckets[-1].name
        if not self._throttle.is_told(name):
            self._tell(account, name, via, why)

    def _asked_to_wait(self, account: Account | None, buckets: list[Bucket], via: str) -> None:
        """Note that a try was none, under the first of its buckets that a stranger shares with others.

        Never under the account's own, which may not be there yet: whoever has no tries left would else find out by the
        time of an answer which names there are, and fill table and audit by going through them.
        """
        if EVERYBODY in buckets and self._throttle.is_empty(EVERYBODY) and not self._throttle.is_told(EVERYBODY.name):
            self._tell(None, EVERYBODY.name, via, ALL_WAIT)
        self._refused(account if len(buckets) == 1 else None, buckets, via, "too many tries")

    @made_meanwhile
    @retry_on_conflict
    def _tell(self, account: Account | None, name: str, via: str, why: str) -> None:
        app = self.acting(NOBODY, via)
        with app.transactions.write() as tx:
            if self._throttle.is_untold(tx, name):
                tx.audit.add("console:refused", facts={"why": why} | ({"user": account.name} if account else {}))

    def acting(self, name: str, via: str) -> App:
        """Return the installation, whose audit names somebody who comes in this way."""
        return self._app.acting_as({"kind": "console", "user": name, "via": via, "from": self._network})

    def _book(self) -> AccountBook:
        return AccountBook(self._app.transactions)

    def _factors(self) -> Factors:
        return Factors(self._app.transactions, self._app.keyring)
