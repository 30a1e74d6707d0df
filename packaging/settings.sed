# Gives the sample of the settings the places of a server: where the package, and docs/install.md from the source, put
# database, key file and the providers' keys.
s|^url = "sqlite:///syncer.db"|url = "sqlite:////var/lib/syncer/syncer.db"|
s|^key_file = "syncer.key" |key_file = "/etc/syncer/keys/syncer.key" |
s|^api_key_env = "MAILCHIMP_API_KEY"|api_key_file = "/etc/syncer/keys/mailchimp"|
s|^api_key_env = "ACTIVECAMPAIGN_API_KEY"|api_key_file = "/etc/syncer/keys/activecampaign"|
\|^# api_key_file = "/etc/syncer/keys/mailchimp"|d
