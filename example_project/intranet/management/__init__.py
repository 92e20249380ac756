"""The intranet on the command line."""
