"""What an operator can set: read, checked, and read anew."""
