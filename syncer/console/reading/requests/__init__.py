"""Requests as lists show them: filtered, by an index, page by page; and what people did about one person."""
