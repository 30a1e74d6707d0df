"""How the installation stands: what needs somebody, what is new, how recipients do, and the figures behind plots."""
