"""How many steps the run against the model took; the summary at the end of the tests says it."""

taken = 0
