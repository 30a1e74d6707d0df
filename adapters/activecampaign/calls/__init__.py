"""The calls to ActiveCampaign, by what they are about."""
