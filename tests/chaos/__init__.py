"""The fault campaign: a day of all three scenarios while everything around the product fails; docs/CHAOS.md."""
