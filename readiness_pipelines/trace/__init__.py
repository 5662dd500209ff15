"""From a prediction back to the delivered file, and from a delivered file on to everything it touched."""
