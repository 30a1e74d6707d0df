"""What tests of the screens that are looked at share."""
