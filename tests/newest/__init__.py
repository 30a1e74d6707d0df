"""The tests once more, on the newest Python that there is for this machine."""
