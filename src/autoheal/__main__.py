"""`python -m autoheal`: the same as the command."""

from autoheal.surfaces.cli.main import main

if __name__ == "__main__":
    main()
