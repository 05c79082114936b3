"""The environment's forms: views of a `WirelessNetwork`."""
