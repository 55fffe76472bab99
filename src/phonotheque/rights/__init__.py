"""From evidence to statements, and from statements to decisions with reasons."""
