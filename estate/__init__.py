"""What an estate is, as data. Imports nothing else of this project."""
