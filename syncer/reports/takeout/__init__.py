"""What is taken out: reports, dossiers and the audit as the octets of a file, whoever asks for them."""
