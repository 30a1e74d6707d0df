"""The texts of reports, dossiers and the console in every language."""
