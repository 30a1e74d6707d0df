"""When an opt-in is evidence of a newer consent: it was confirmed, and its time can be believed."""

from __future__ import annotations

from datetime import datetime, timedelta

from adapters.contract import Subject

#: by how much a provider's time may lie ahead of ours: clocks differ, and a time may be told without its zone
AHEAD = timedelta(days=1)


def credible(when: datetime | None, subject: Subject) -> datetime | None:
    """Return the time of an opt-in, None where it tells nothing: none is given, or it has not come yet.

    A person cannot have agreed at a time that is still to come. What lies further ahead than clocks and zones explain
    was written by an import or a clock gone wrong, and shows no more than a missing time does; what lies less far
    ahead is taken for now. Where the subject does not say what time it is, every time is taken as it is.
    """
    if when is None or subject.now is None:
        return when
    return min(when, subject.now) if when <= subject.now + AHEAD else None
