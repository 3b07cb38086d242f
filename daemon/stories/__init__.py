"""Stories: checked before they are run, and played through the same engine as the daemon's, on a clock of their own."""
