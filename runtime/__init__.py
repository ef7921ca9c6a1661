"""The floor: settings, clock, database, durable work, schedule, log, and the one door to Feishu."""
