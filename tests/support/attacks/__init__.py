"""What attackers do: forge, bend, taint, drip, tamper."""
