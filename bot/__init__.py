"""The conversation: webhook, inbox, router, cards, chat commands."""
