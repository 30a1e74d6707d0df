"""Three database engines, one way to speak to them."""
