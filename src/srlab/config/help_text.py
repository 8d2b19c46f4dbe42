"""What --help of train.py and evaluate.py prints."""


def help_text(program: str, usage: str) -> str:
    return usage
