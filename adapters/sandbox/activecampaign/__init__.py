"""ActiveCampaign, played on this machine."""
