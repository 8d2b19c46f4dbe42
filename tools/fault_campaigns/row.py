"""What a campaign found."""

from dataclasses import dataclass, field


@dataclass
class Row:
    """A line of the table.

    Attributes:
        fault: what was done.
        tries: how often.
        problems: what was lost, printed or left behind that should not have been, one line each.
        note: what else is worth saying.
    """

    fault: str
    tries: int = 0
    problems: list[str] = field(default_factory=list)
    note: str = ""

    def expect(self, holds: bool, problem: str) -> None:
        """Notes a problem where something does not hold."""
        if not holds:
            self.problems.append(problem)

    def line(self) -> str:
        """Returns the line of the table, in Markdown."""
        found = f"{len(self.problems)} PROBLEMS" if self.problems else "nothing"
        return f"| {self.fault}{f' ({self.note})' if self.note else ''} | {self.tries} | {found} |"
