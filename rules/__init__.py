"""Red lines: the state of tables becomes alerts, alerts reach people, and their taps change the world."""
