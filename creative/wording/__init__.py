"""The wording check: what advertising law forbids or wants proven, before any money is spent."""
