"""The phono command: one module per subcommand."""
