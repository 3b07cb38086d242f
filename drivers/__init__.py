"""Everything that knows a protocol or a device."""
