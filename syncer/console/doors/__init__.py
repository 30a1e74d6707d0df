"""Other ways in than an account of the console: WordPress, an identity provider, a proxy in front."""
