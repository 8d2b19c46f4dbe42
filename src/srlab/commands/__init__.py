"""What the command lines say and do."""
