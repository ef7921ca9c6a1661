"""The fault campaign: days of all three scenarios while everything around fails; docs/CHAOS.md."""
