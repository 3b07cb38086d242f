"""A receiver for alarm panels that report over IP: SIA DC-09 frames with Contact ID (SIA DC-05) inside."""
