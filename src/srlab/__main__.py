"""`python -m srlab`, which is the command `srlab`."""

from srlab.commands.cli import main

if __name__ == "__main__":
    main()
