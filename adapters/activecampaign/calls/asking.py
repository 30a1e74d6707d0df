"""One question to ActiveCampaign, and what its answer means in the middle of a walk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from adapters.activecampaign.answers import expect, failure, is_forbidden
from adapters.errors import AdapterError, Misconfigured, Transient
from adapters.http.answer import Answer, shape_of
from adapters.http.transport import Send

#: what a single odd answer may look like: a wrong host for some time, or one call that the account does not have
_LIKE_A_WRONG_HOST = frozenset({"wrong_address", "login_page", "redirected"})


def _never(_: Answer) -> bool:
    return False


def _nothing(_: Answer) -> AdapterError | None:
    return None


class Asking:
    """Asks the questions of one walk. `say` writes what the last answer told of the person into the evidence.

    Once a call of the walk was answered as documented, host, account and key are proven good: a web page or a 404
    about no object then concerns that one call, and is Transient `unreadable` instead of a reason to pause the lane.
    """

    def __init__(self, send: Send, say: Callable[[str], None]) -> None:
        self._send = send
        self.say = say
        self._proven = False

    def send(
        self,
        method: str,
        path: str,
        template: str | None = None,
        *,
        scope: str,
        params: tuple[tuple[str, str], ...] = (),
        body: Any = None,
    ) -> Answer:
        """Make a call and return whatever it answers. Raises what the transport raises."""
        try:
            return self._send(method, path, template or path, scope, params, body)
        except Misconfigured as error:
            # a change that is redirected was not made: the lane pauses, as nothing would be done in it
            raise self._of_this_call(error, "a redirect") if method == "GET" else error from None

    def ask(
        self,
        method: str,
        path: str,
        template: str | None = None,
        *,
        scope: str,
        params: tuple[tuple[str, str], ...] = (),
        body: Any = None,
        accept: Callable[[Answer], bool] = _never,
        refused: Callable[[Answer], AdapterError | None] = _nothing,
    ) -> Answer:
        """Make a call and return its answer if it is 200 or accepted; raise what it means otherwise.

        `refused` may know a meaning that an answer has at this call only.
        """
        answer = self.send(method, path, template, scope=scope, params=params, body=body)
        if answer.status == 200:
            return answer
        if accept(answer):
            self._proven = True
            return answer
        raise refused(answer) or self.meaning(answer)

    def expect(self, answer: Answer, *keys: str, status: int = 200) -> Mapping[str, Any]:
        """Return the object of an answer of this status that has these keys. Raises what it means otherwise."""
        try:
            body = expect(answer, *keys, status=status)
        except Misconfigured as error:
            raise self._of_this_call(error, shape_of(answer)) from None
        self._proven = True
        return body

    def meaning(self, answer: Answer) -> AdapterError:
        """Return the failure of an answer; for a 403 that may be a bad key or throttling, ask once whose the key is."""
        error = failure(answer)
        if answer.status == 403 and error.code == "rate_limited":
            try:
                self.me()
            except Misconfigured as refused:
                return refused
            except AdapterError:
                return error  # no answer to that either: wait and see
        if isinstance(error, Misconfigured):
            return self._of_this_call(error, f"HTTP {answer.status}, {shape_of(answer)}")
        return error

    def me(self) -> None:
        """Ask who the key belongs to. Raises Misconfigured when it is refused."""
        answer = self.send("GET", "/users/me", scope="account")
        if answer.status == 403 and answer.kind != "html" and not answer.maintenance:
            # a web page is the firewall before ActiveCampaign: it says nothing of the key
            raise Misconfigured("unauthorized", "ActiveCampaign does not accept the API key")
        self.expect(answer, "user")

    def is_admin(self) -> bool:
        """Say whether the key's user is in the Admin group: others get 403 here (reference: settings/account)."""
        return self.ask("GET", "/settings/account", scope="account", accept=is_forbidden).status == 200

    def _of_this_call(self, error: Misconfigured, seen: str) -> AdapterError:
        if self._proven and error.code in _LIKE_A_WRONG_HOST:
            return Transient("unreadable", f"this call alone is answered like one to a wrong host: {seen}")
        return error
