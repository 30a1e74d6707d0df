"""The traps of mailchimp-marketing 3.0.80, each shown to be closed."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.errors import Permanent
from adapters.http.answer import Answer, read_answer
from adapters.mailchimp.sdk import Client

KEY = "0" * 32


class Sent(list[tuple[Any, ...]]):
    """Keeps what would be sent and answers 204."""

    def __call__(self, *call: Any) -> Answer:
        self.append(call)
        return read_answer(204, {}, b"", 1)


@pytest.fixture
def sent() -> Sent:
    return Sent()


def test_a_call_without_a_body_sends_none_rather_than_null(sent: Sent) -> None:
    Client(sent).lists.delete_list_member_permanent("a1b2c3d4e5", KEY)

    method, path, template, scope, query, body = sent[0]
    assert (method, path) == ("POST", f"/lists/a1b2c3d4e5/members/{KEY}/actions/delete-permanent")
    assert (template, scope) == ("/lists/{list}/members/{id}/actions/delete-permanent", "audience a1b2c3d4e5")
    assert (query, body) == ([], None)


def test_the_answer_comes_back_as_it_is_with_its_status(sent: Sent) -> None:
    assert Client(sent).lists.delete_list_member_permanent("a1b2c3d4e5", KEY).status == 204


def test_the_word_server_is_not_replaced(sent: Sent) -> None:
    Client(sent).lists.get_list("server", fields=["id", "name"])

    assert sent[0][1] == "/lists/server"
    assert sent[0][4] == [("fields", "id,name")]


@pytest.mark.parametrize("key", ["../../../ping", "", "jane@mailbox.test", KEY + "\n", KEY.upper() + "/", None])
def test_a_key_that_would_climb_out_of_its_path_is_refused(sent: Sent, key: Any) -> None:
    with pytest.raises((Permanent, ValueError)):
        Client(sent).lists.get_list_member("a1b2c3d4e5", key)

    assert sent == []


@pytest.mark.parametrize("store", ["..", ".", "", "a\nb", "\ud800", "s" * 256])
def test_a_store_id_that_would_climb_is_refused(sent: Sent, store: str) -> None:
    with pytest.raises(Permanent):
        Client(sent).ecommerce.get_all_store_customers(store)


def test_a_store_id_is_encoded_whole(sent: Sent) -> None:
    Client(sent, "short:{}".format).ecommerce.delete_store_customer("my shop/1", "a?b#c")

    assert sent[0][1] == "/ecommerce/stores/my%20shop%2F1/customers/a%3Fb%23c"
    assert sent[0][2:4] == ("/ecommerce/stores/{store}/customers/{id}", "store short:my shop/1")


def test_flags_are_written_as_the_api_reads_them(sent: Sent) -> None:
    body = {"status": "unsubscribed"}
    Client(sent).lists.update_list_member("a1b2c3d4e5", KEY, body, skip_merge_validation=True)

    assert sent[0][4:] == ([("skip_merge_validation", "true")], body)


def test_the_sdks_own_way_out_is_closed(sent: Sent) -> None:
    with pytest.raises(NotImplementedError):
        Client(sent).request("GET", "https://us1.api.mailchimp.com/3.0/ping")
