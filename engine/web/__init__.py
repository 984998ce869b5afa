"""What is asked of a workspace over HTTP."""
