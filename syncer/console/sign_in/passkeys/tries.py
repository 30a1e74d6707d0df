"""Signing in with a passkey, showing one again, and making one: believed, refused, or asked to wait.

A passkey that verified its owner is both factors at once: something that they have, and what opens it.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from syncer.audit.transaction import Transaction
from syncer.console.keeping.first_factor import FirstFactorLeave
from syncer.console.keeping.once import OnceStore
from syncer.console.sign_in.accounts import Account, code_hash
from syncer.console.sign_in.flow import CODE, STEP_UP, SignInAnswer, SigningIn
from syncer.console.sign_in.passkeys import ceremony
from syncer.console.sign_in.passkeys.ceremony import Claimed, NewPasskey, RelyingParty, UnbelievedPasskey
from syncer.console.sign_in.passkeys.challenges import ChallengeBook, Purpose
from syncer.console.sign_in.passkeys.keys import MOST, Passkey, PasskeyBook
from syncer.console.sign_in.person import Person
from syncer.console.sign_in.throttle import Bucket, made_meanwhile
from syncer.database.failures import is_duplicate, retry_on_conflict
from syncer.log import get_logger

PASSKEY = "passkey"
_NOBODYS = "a passkey that nobody has here"
_WENT_BACK = "the counter of a passkey went back: there may be two of it"


class CopiedPasskey(UnbelievedPasskey):
    """Raised for a passkey that was shown rightly, and whose counter did not go on (WebAuthn, section 6.1.1)."""


class PasskeyTries(SigningIn):
    """Tries with passkeys of one request. `party` is who asks; `bound` always a secret of the browser that asks."""

    # -- asking ---------------------------------------------------------------------------------------------

    def ask_to_sign_in(self, party: RelyingParty, bound: str) -> str:
        """Return what a browser is asked for (JSON): any passkey that it has for us."""
        return ceremony.asked_to_show(party, self._challenge(Purpose.SIGN_IN, bound))

    def ask_again(self, party: RelyingParty, person: Person) -> str:
        """Return what the browser of somebody who is signed in is asked for (JSON): one of their own passkeys."""
        held = self._keys().of(person.name)
        return ceremony.asked_to_show(party, self._challenge(Purpose.STEP_UP, person.session), held)

    def ask_for_new(self, party: RelyingParty, account: Account, purpose: Purpose, bound: str) -> str:
        """Return what a browser is asked for (JSON) that is to make a passkey for somebody."""
        held = self._keys().of(account.name)
        return ceremony.asked_to_make(party, account, self._challenge(purpose, bound), held)

    # -- believing ------------------------------------------------------------------------------------------

    def sign_in_by_passkey(self, party: RelyingParty, answer: str, bound: str, before: str | None) -> SignInAnswer:
        """Believe a passkey, or do not. `before` is the hash of the session that ends thereby."""
        try:
            claim = ceremony.claimed(answer)
        except UnbelievedPasskey as unbelieved:
            return self._not_read(str(unbelieved))
        passkey = self._keys().find(claim.credential)
        account = self._book().find(passkey.user) if passkey else None
        whose = account.name if account else claim.credential.hex()[:64]
        buckets = self._throttle.buckets(PASSKEY, whose, self._network, self._browser)
        if wait := self._throttle.take(buckets):
            self._asked_to_wait(account, buckets, PASSKEY)
            return SignInAnswer(wait=wait)
        try:
            if passkey is None or account is None:
                raise UnbelievedPasskey(_NOBODYS)
            counted = self._believed(party, answer, claim, account, passkey, Purpose.SIGN_IN, bound)
            if account.barred is not None:
                raise UnbelievedPasskey(account.barred)
            if account.oidc_subject is not None:  # or whom the provider locks out would go on coming in
                raise UnbelievedPasskey("the account signs in at its identity provider")
        except CopiedPasskey:  # it is told already
            return SignInAnswer()
        except UnbelievedPasskey as unbelieved:
            self._refused(account, buckets, PASSKEY, str(unbelieved))
            return SignInAnswer()
        browser = self._browser or secrets.token_urlsafe(16)
        cookie = self._opened_by(account, passkey, counted, buckets, before, browser)
        if cookie is None:
            self._refused(account, buckets, PASSKEY, "the passkey or the account changed meanwhile")
        return SignInAnswer(cookie, browser=browser)

    def step_up_by_passkey(self, party: RelyingParty, person: Person, answer: str) -> SignInAnswer:
        """Believe a passkey of somebody who is signed in, and go on under a new cookie, or do not."""
        buckets = [self._throttle.of_account(STEP_UP, person.name, person.session)]
        account = self._book().find(person.name)
        if wait := self._throttle.take(buckets):
            self._refused(account, buckets, person.via, "too many tries")
            return SignInAnswer(wait=wait)
        try:
            claim = ceremony.claimed(answer)
            passkey = self._keys().find(claim.credential)
            if account is None or passkey is None or passkey.user != person.name:
                raise UnbelievedPasskey("a passkey that is not theirs")
            counted = self._believed(party, answer, claim, account, passkey, Purpose.STEP_UP, person.session)
        except CopiedPasskey:
            return SignInAnswer()
        except UnbelievedPasskey as unbelieved:
            self._refused(account, buckets, person.via, str(unbelieved))
            return SignInAnswer()
        return SignInAnswer(self._stepped_up_by(person, account, passkey, counted, buckets))

    def register(
        self, party: RelyingParty, person: Person, account: Account, answer: str, label: str, *, is_first: bool = False
    ) -> None:
        """Keep another passkey of somebody who is signed in. Raises UnbelievedPasskey.

        `is_first`: they have shown no second factor, and have leave to choose a first one.
        """
        new = self._made(party, answer, Purpose.REGISTER, person.session)
        self._kept(person, account, new, label, is_first=is_first)

    def enrol_with_passkey(self, party: RelyingParty, account: Account, code: str, answer: str, label: str) -> bool:
        """Let an account begin with a passkey alone, once for each code; say whether the code was still good.

        Raises UnbelievedPasskey.
        """
        new = self._made(party, answer, Purpose.ENROL, code_hash(code))
        return self._begun(account, code, new, label)

    # -- within ---------------------------------------------------------------------------------------------

    def _believed(
        self,
        party: RelyingParty,
        answer: str,
        claim: Claimed,
        account: Account,
        passkey: Passkey,
        purpose: Purpose,
        bound: str,
    ) -> int:
        """Return the counter of a passkey that was shown for this. Raises UnbelievedPasskey."""
        if not self._challenges().use(claim.challenge, purpose, bound, self._app.clock()):
            raise UnbelievedPasskey("a challenge that is not ours, too old, or was used")
        # who chose among all of the browser's passkeys says whose it is; who was asked for one of these need not
        if claim.handle != ceremony.handle(account) and (claim.handle or purpose is Purpose.SIGN_IN):
            raise UnbelievedPasskey("a passkey that was made for somebody else")
        counted = ceremony.shown(party, answer, claim.challenge, passkey)
        if not passkey.goes_on_with(counted):
            self._tell_of_two(account, passkey)
            raise CopiedPasskey(_WENT_BACK)
        return counted

    def _tell_of_two(self, account: Account, passkey: Passkey) -> None:
        """Note that a key may have been copied, whatever else was refused a moment ago; once in 15 minutes."""
        name = self._throttle.of_account("two-of-one", account.name, passkey.id).name
        if not self._throttle.is_told(name):
            get_logger("syncer.console").warning("passkey.copied", reason=_WENT_BACK)
            self._tell(account, name, PASSKEY, _WENT_BACK)

    def _made(self, party: RelyingParty, answer: str, purpose: Purpose, bound: str) -> NewPasskey:
        challenge = ceremony.challenge_of(answer)
        if not self._challenges().use(challenge, purpose, bound, self._app.clock()):
            raise UnbelievedPasskey("a challenge that is not ours, too old, or was used")
        return ceremony.made(party, answer, challenge)

    def _not_read(self, why: str) -> SignInAnswer:
        wait = self._throttle.take([self._throttle.of_network(self._network)])
        self._refused(None, [], PASSKEY, "too many tries" if wait else why)
        return SignInAnswer(wait=wait)

    @made_meanwhile
    @retry_on_conflict
    def _opened_by(
        self, account: Account, passkey: Passkey, counted: int, buckets: list[Bucket], before: str | None, browser: str
    ) -> str | None:
        """Open the session, unless the passkey was taken away or used, or the account disabled, meanwhile."""
        app = self.acting(account.name, PASSKEY)
        with app.transactions.write() as tx:
            u = app.tables.user
            enabled = (u.c.name == account.name, u.c.disabled_at.is_(None))
            if tx.connection.execute(u.update().where(*enabled).values(last_seen_at=tx.now)).rowcount != 1:
                return None
            if not self._keys().use(tx, passkey, counted):
                return None
            self._throttle.succeeded(tx, buckets, account.name, self._network, browser)
            tx.audit.add("console:signed_in", facts={"second_factor": True})
            return self._sessions.open(tx, account.name, PASSKEY, self._network, stepped_up=True, in_place_of=before)

    @made_meanwhile
    @retry_on_conflict
    def _stepped_up_by(
        self, person: Person, account: Account, passkey: Passkey, counted: int, buckets: list[Bucket]
    ) -> str | None:
        with self._app.acting_as(person.actor).transactions.write() as tx:
            if not self._keys().use(tx, passkey, counted):
                return None
            self._throttle.succeeded(tx, buckets, account.name)
            return self._sessions.step_up(tx, person)

    @retry_on_conflict
    def _kept(self, person: Person, account: Account, new: NewPasskey, label: str, *, is_first: bool) -> None:
        with self._app.acting_as(person.actor).transactions.write() as tx:
            u, p, s = self._app.tables.user.c, self._app.tables.passkey.c, self._app.tables.session.c
            tx.connection.execute(sa.select(u.name).where(u.name == account.name).with_for_update())
            if tx.connection.execute(sa.select(s.hash).where(s.hash == person.session)).first() is None:
                raise UnbelievedPasskey("the session was ended meanwhile")  # by a reset, say
            if is_first and not FirstFactorLeave(self._app.transactions).use(tx, person.session):
                raise UnbelievedPasskey("a first passkey without leave to make one")
            count = sa.select(sa.func.count()).where(p.user_name == account.name)
            if tx.connection.execute(count).scalar_one() >= MOST:
                raise UnbelievedPasskey("one passkey more than anybody may have")
            self._keep(tx, account, new, label)
            tx.audit.add("user:changed", facts={"user": account.name, "changed": "a passkey was added"})

    @retry_on_conflict
    def _begun(self, account: Account, code: str, new: NewPasskey, label: str) -> bool:
        app = self.acting(account.name, CODE)
        with app.transactions.write() as tx:
            user, s, p = app.tables.user, app.tables.session, app.tables.passkey
            u = user.c
            fresh = (u.name == account.name, u.enrol_hash == code_hash(code), u.enrol_until >= tx.now)
            values = dict.fromkeys(("password", "totp_sealed", "totp_step", "enrol_hash", "enrol_until"))
            query = user.update().where(*fresh, u.disabled_at.is_(None)).values(values)
            if tx.connection.execute(query).rowcount != 1:
                return False
            tx.connection.execute(s.delete().where(s.c.user_name == account.name))
            tx.connection.execute(p.delete().where(p.c.user_name == account.name))
            self._keep(tx, account, new, label)
            tx.audit.add("user:enrolled", facts={"user": account.name, "factors": "a passkey"})
        return True

    def _keep(self, tx: Transaction, account: Account, new: NewPasskey, label: str) -> None:
        try:
            self._keys().keep(tx, account.name, label, new.credential, new.public_key, new.sign_count)
        except sa.exc.IntegrityError as error:
            if not is_duplicate(error):
                raise
            raise UnbelievedPasskey("a passkey that is kept already") from error

    def _challenge(self, purpose: Purpose, bound: str) -> bytes:
        return self._challenges().new(purpose, bound, self._app.clock())

    def _challenges(self) -> ChallengeBook:
        return ChallengeBook(self._app.keyring, OnceStore(self._app.transactions))

    def _keys(self) -> PasskeyBook:
        return PasskeyBook(self._app.transactions)
