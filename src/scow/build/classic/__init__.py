"""The classic builder: one image for each instruction, told step by step."""
