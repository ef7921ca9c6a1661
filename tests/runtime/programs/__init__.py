"""Small programs the tests start and kill."""
