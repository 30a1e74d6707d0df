"""What a stranger can reach, as functions of octets: hypothesis calls them in every test run, a fuzzer for hours."""
