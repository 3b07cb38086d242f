"""A simulated estate: plants with physics behind real Modbus and MQTT."""
