"""Timetables calculated: when the sun rises, what a table wants at a moment, and when that changes. Pure."""
