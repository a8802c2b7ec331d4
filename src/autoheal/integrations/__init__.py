"""THE WORLD. One folder per outside system, one file per port it speaks."""
