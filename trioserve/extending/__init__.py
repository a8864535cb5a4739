"""What people extend: from a function to a command, from a file to a plug-in."""
