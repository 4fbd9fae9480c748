"""Plugins for moe_lab; its entry points import the modules below when a name is asked for."""
