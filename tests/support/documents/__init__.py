"""What tests know of documents: what they may say, every state they tell of, and a picture of one."""
