"""What hangs on a member: tags and notes."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.mailchimp.bodies import invalid, not_allowed, now
from adapters.sandbox.mailchimp.oddities import Oddities
from adapters.sandbox.mailchimp.queries import chosen, page_of
from adapters.sandbox.mailchimp.records import tag
from adapters.sandbox.mailchimp.sent import sent
from adapters.sandbox.messages import Reply, Request, as_json

Member = dict[str, Any]


def tags_call(member: Member, request: Request, odd: Oddities) -> Reply:
    """List a member's tags, or switch some on and off: 204, on an archived member too (grouparoo)."""
    if request.method == "GET":
        rows, total = page_of([{**row, "date_added": member["last_changed"]} for row in member["tags"]], request, odd)
        return as_json(200, chosen({"tags": rows, "total_items": total}, request))
    if request.method != "POST":
        return not_allowed("GET, POST")
    changes = sent(request).get("tags")
    if changes is None or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in changes):
        return invalid("tags", "Required fields were not provided: tags")
    names = {row["name"]: None for row in member["tags"]}
    for change in changes:
        if change.get("status") == "inactive":
            names.pop(change["name"], None)
        else:
            names[change["name"]] = None
    tag(member, names)
    return Reply(204)


def notes_call(member: Member, request: Request, odd: Oddities) -> Reply:
    """List a member's notes, or add one, which the member shows as `last_note`."""
    notes: list[Member] = member.get("_notes", [])
    if request.method == "GET":
        rows, total = page_of(notes, request, odd)
        content = {"notes": rows, "email_id": member["id"], "list_id": member["list_id"], "total_items": total}
        return as_json(200, chosen(content, request))
    if request.method != "POST":
        return not_allowed("GET, POST")
    text, moment = sent(request).get("note", ""), now()
    note = {
        "id": len(notes) + 1,
        "created_at": moment,
        "created_by": "Sandbox Owner",
        "updated_at": moment,
        "note": text,
        "list_id": member["list_id"],
        "email_id": member["id"],
        "contact_id": member["contact_id"],
    }
    member["_notes"] = [*notes, note]
    member["last_note"] = {"note_id": note["id"], "created_at": moment, "created_by": "Sandbox Owner", "note": text}
    return as_json(200, note)
