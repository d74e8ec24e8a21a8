"""The command line: `tiger COMMAND`, one file a command. Imports nothing that must be installed; see `bootstrap`."""
