"""mailchimp-marketing over our transport: its methods and paths, nothing of its HTTP.

As shipped, version 3.0.80 returns failures that have no body instead of raising, opens a connection per call, drops
the headers, follows redirects, sends `null` as a body, replaces the word "server" anywhere in the URL and lets `/`
through in ids. So `call_api`, its one way out, is replaced as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from mailchimp_marketing.api.ecommerce_api import EcommerceApi
from mailchimp_marketing.api.lists_api import ListsApi
from mailchimp_marketing.api.ping_api import PingApi
from mailchimp_marketing.api.root_api import RootApi
from mailchimp_marketing.api_client import ApiClient

from adapters.contract import nameless
from adapters.errors import Permanent
from adapters.http.answer import Answer
from adapters.http.transport import Send
from adapters.mailchimp.answers import LIST_ID, LONGEST_ID

#: an id that a shop chose: kept from climbing (`..`), encoded whole; half of a surrogate pair has no encoding
_CHOSEN = re.compile(rf"(?!\.{{1,2}}\Z)[^\x00-\x1f\x7f\ud800-\udfff]{{1,{LONGEST_ID}}}")
#: what may stand in a path
_PATTERNS = {
    "list_id": LIST_ID,
    "subscriber_hash": re.compile(r"[0-9a-f]{32}"),
    "store_id": _CHOSEN,
    "customer_id": _CHOSEN,
}
_SHOWN = {"list_id": "{list}", "subscriber_hash": "{id}", "store_id": "{store}", "customer_id": "{id}"}


class Client(ApiClient):  # type: ignore[misc]
    """The SDK's client with its `call_api` replaced; the API objects get the Answer as it is.

    `label` names the shops in the evidence (`Subject.label`): their ids are texts of others.
    """

    def __init__(self, send: Send, label: Callable[[str], str] = nameless) -> None:
        super().__init__({"server": ""})
        self._send = send
        self._label = label
        self.lists = ListsApi(self)
        self.ecommerce = EcommerceApi(self)
        self.root = RootApi(self)
        self.pings = PingApi(self)

    def call_api(
        self,
        resource_path: str,
        method: str,
        path_params: Mapping[str, Any] | None = None,
        query_params: Iterable[tuple[str, Any]] | None = None,
        header_params: Mapping[str, str] | None = None,
        body: Any = None,
        collection_formats: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Answer:
        """Send the call. Raises Permanent `unknown_state` for an id that must not stand in a path."""
        path, template, scope = resource_path, resource_path, "account"
        for name, value in (path_params or {}).items():
            if not isinstance(value, str) or not _PATTERNS[name].fullmatch(value):
                raise Permanent("unknown_state", f"a {name} of a form unknown to this version")
            path = path.replace(f"{{{name}}}", quote(value, safe=""))
            template = template.replace(f"{{{name}}}", _SHOWN[name])
            if name == "list_id":
                scope = f"audience {value}"
            elif name == "store_id":
                scope = f"store {self._label(value)}"
        query = [(key, _text(value)) for key, value in query_params or () if value is not None]
        return self._send(method, path, template, scope, query, body)

    def request(self, *_: Any, **__: Any) -> Any:
        """Refuse: the SDK's own way out must not be used."""
        raise NotImplementedError("calls go through the transport")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ",".join(value) if isinstance(value, list) else str(value)
