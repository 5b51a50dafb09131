"""What a shell asks when the Tab key is pressed, and the scripts that ask."""
