"""syncer carries erasures and objections to mailing-list providers and keeps the proof."""

__version__ = "0.1.0"
