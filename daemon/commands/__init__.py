"""One file per command of `estated`."""
