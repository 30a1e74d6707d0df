"""One Mailchimp account, all its audiences."""
