"""What `syncer check` warns of at anchors that work: what they say could be somebody else's word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adapters.contract import Check
from syncer.settings.anchors import Anchor, EmailAnchor, TimestampAnchor


def run(anchors: Mapping[str, Anchor]) -> list[Check]:
    """Return a finding for each anchor that is to be warned of; a warning is no failure."""
    return [_warning(name, what) for name, anchor in anchors.items() for what in _warnings(name, anchor)]


def _warning(name: str, text: str) -> Check:
    what, _, mend = text.rpartition(";")
    return Check(f"anchor {name}", True, what, mend.strip(), warn=True)


def _warnings(name: str, anchor: Anchor) -> Iterator[str]:
    if isinstance(anchor, TimestampAnchor):
        if anchor.root_file is None:
            yield (
                "its tokens are kept without being verified, so anybody's would do;"
                f" set [anchors.{name}] root_file to the authority's root certificate"
            )
        elif anchor.travels_in_clear:
            yield (
                "it is asked without TLS, so somebody on the way can keep its tokens from you (not forge them);"
                f" write https in [anchors.{name}] url where the authority offers it"
            )
    elif isinstance(anchor, EmailAnchor) and anchor.travels_in_clear:
        yield (
            "its mail leaves without TLS, so somebody on the way can keep it back;"
            f' set [anchors.{name}] tls = "starttls" or "tls"'
        )
