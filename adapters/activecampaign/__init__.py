"""One ActiveCampaign account."""
