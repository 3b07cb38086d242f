"""Simulated hardware: plants with physics behind real protocols."""
