"""Red lines: table state becomes alerts, alerts reach people, people act."""
