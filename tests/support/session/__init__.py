"""What holds for a session of tests as a whole: nothing leaks, nothing stays behind, what is missing is said once."""
