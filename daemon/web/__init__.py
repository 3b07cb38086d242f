"""The operator's way in: HTTP API, live stream, sign-in and the console's files."""
