"""Alerts as people know them: what they are about, which are open, who was told, and what a person does about one."""
