"""Replaced keys on record: which key may vouch for which part of a log. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncer.audit.offline.notes import NoteError, VerifierKey


@dataclass(frozen=True, slots=True)
class Rotation:
    """A key that was replaced: entry `seq`, which says so, is the last that the old one made and may vouch for.

    `old_key` is the id of the key file's version, the others are the public halves that notes are signed under.
    """

    seq: int
    old_key: str
    old_public: bytes
    new_public: bytes

    @classmethod
    def of(cls, seq: int, facts: Mapping[str, Any]) -> Rotation | None:
        """Return what an entry's facts record; None for facts that syncer did not write."""
        old, new = facts.get("old_key"), facts.get("new_key")
        try:
            publics = [VerifierKey.parse(facts[key]).public for key in ("old_public_key", "new_public_key")]
        except (NoteError, AttributeError, KeyError, ValueError):
            return None
        if not isinstance(old, str) or not isinstance(new, str) or old == new or publics[0] == publics[1]:
            return None
        return cls(seq, old, *publics)


class KeySpans:
    """Holds signed states against the keys that were replaced: each key vouches for its own part of the log only.

    Otherwise whoever stole the old key could sign another end of the log with it.
    """

    def __init__(self, rotations: Iterable[Rotation] = ()) -> None:
        self._rotations = list(rotations)

    def record(self, seq: int, facts: Mapping[str, Any], root: bytes) -> str | None:
        """Take a rotation on record; return why it cannot be one. `root` is that of all entries before it."""
        rotation = Rotation.of(seq, facts)
        if rotation is None:
            return "replaces a key without naming the old and the new one"
        if facts.get("size") != seq - 1 or facts.get("root") != root.hex():
            return "replaces the key of another log: the entries before it differ"
        if self._rotations and self._rotations[-1].new_public != rotation.old_public:
            return "replaces a key that was not the log's"
        self._rotations.append(rotation)
        return None

    def problem(self, signers: Sequence[VerifierKey], size: int) -> str | None:
        """Return why none of the keys that signed a note may vouch for that many entries; None where one may."""
        problems = [self._problem(key.public, size) for key in signers]
        return None if None in problems else next(iter(problems), "not signed by a key that is known here")

    def _problem(self, public: bytes, size: int) -> str | None:
        for rotation in self._rotations:
            if public == rotation.old_public and size > rotation.seq:
                return (
                    f"forged: signed with a key that was replaced at entry {rotation.seq}, which vouches for nothing"
                    " after it"
                )
            if public == rotation.new_public and size <= rotation.seq:
                return f"forged: signed with a key that was not in use before entry {rotation.seq + 1}"
        return None

    def unexplained(self, keys: Sequence[VerifierKey]) -> str | None:
        """Return which name has two of these keys although the log does not say where one ended; None for none."""
        known = {public for each in self._rotations for public in (each.old_public, each.new_public)}
        for name in dict.fromkeys(key.name for key in keys):
            publics = {key.public for key in keys if key.name == name}
            if len(publics) > 1 and not publics <= known:
                return (
                    f"{name} has {len(publics)} keys, but no entry says where one of them ended: this log ends before"
                    " the key was replaced, or was rewritten with the old one; give only the keys of its time"
                )
        return None

    def saved(self) -> tuple[Rotation, ...]:
        """Return the rotations so far: what a later examination begins with."""
        return tuple(self._rotations)
