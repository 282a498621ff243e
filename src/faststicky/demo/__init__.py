"""What can be tried without Docker: the tutorial's application, and a play with three of them behind the proxy."""
