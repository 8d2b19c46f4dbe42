"""The ratings of a study, in one SQLite file. A rating that was acknowledged survives a kill of the process."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from srlab.errors import SrlabError
from srlab.labels import printable
from srlab.mos.study import WORDS, Study

FILE = "ratings.sqlite3"
_TABLES = """
CREATE TABLE IF NOT EXISTS study (digest TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ratings (
    rater INTEGER NOT NULL,
    trial TEXT NOT NULL,
    rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
    time TEXT NOT NULL,
    PRIMARY KEY (rater, trial)
) STRICT;
"""


@dataclass(frozen=True)
class Rating:
    """One rating. rater: a number from 1. trial: its id. rating: 1 to 5. time: in UTC, ISO 8601."""

    rater: int
    trial: str
    rating: int
    time: str


class AlreadyRated(Exception):
    """The trial has a rating. The first one stays."""


class Ratings:
    """The ratings of one study. Safe for any number of threads and processes.

    Every `add` is a transaction. In WAL mode with synchronous=FULL it returns after the log is on the disk, so what it
    has stored survives a kill of the process and a loss of power.

    Raises:
        SrlabError: the file cannot be used, or holds ratings of another study.
    """

    def __init__(self, study: Study) -> None:
        self._path = study.folder / FILE
        self._lock = threading.Lock()
        try:
            self._open()
            self._check()
            with self._transaction() as connection:
                connection.execute("INSERT INTO study SELECT ? WHERE NOT EXISTS (SELECT * FROM study)", [study.digest])
                (owner,) = connection.execute("SELECT digest FROM study").fetchone()
        except sqlite3.DatabaseError as error:
            raise SrlabError(f"{self._path}: cannot be used ({error}). Restore it, or move it away.") from None
        if owner != study.digest:
            raise SrlabError(f"{self._path}: holds the ratings of another study. Move it to the folder that it is of.")

    def _check(self) -> None:
        """Raises DatabaseError unless the file has these tables and no other, nothing that runs by itself, and ratings
        as `add` writes them."""
        own = {sql.strip().removeprefix("CREATE TABLE IF NOT EXISTS ") for sql in _TABLES.split(";") if sql.strip()}
        there = self._connection.execute("SELECT type, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        found = {sql.strip().removeprefix("CREATE TABLE ") for kind, sql in there if kind == "table"}
        if found != own or len(there) != len(own):
            raise sqlite3.DatabaseError("its tables are not those of a study's ratings")
        query = (
            "SELECT rater, trial, rating FROM ratings WHERE rating NOT BETWEEN 1 AND 5 OR rater < 1 "
            "OR length(trial) > 64 OR length(time) > 64 LIMIT 1"
        )
        if (bad := self._connection.execute(query).fetchone()) is not None:
            raise sqlite3.DatabaseError(f"rater {bad[0]} has the rating {bad[2]} of {printable(bad[1], 20)}")

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, timeout=20, isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA trusted_schema=OFF")
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_TABLES)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Commits all that is done in the block, or nothing. IMMEDIATE: a second process waits instead of failing."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # on a full disk, SQLite has rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    def add(self, *ratings: Rating) -> None:
        """Stores all of the ratings or none.

        Raises:
            AlreadyRated: a trial has a rating; the exception holds its id.
            ValueError: a rating is outside 1..5.
        """
        for rating in ratings:
            if rating.rating not in WORDS:
                raise ValueError(f"expected a rating from 1 to 5, not {rating.rating}")
        with self._transaction() as connection:
            for rating in ratings:
                try:
                    connection.execute(
                        "INSERT INTO ratings VALUES (?, ?, ?, ?)",
                        [rating.rater, rating.trial, rating.rating, rating.time],
                    )
                except sqlite3.IntegrityError:
                    raise AlreadyRated(rating.trial) from None

    def of(self, rater: int) -> dict[str, int]:
        """Returns one rater's ratings by trial."""
        with self._lock:
            rows = self._connection.execute("SELECT trial, rating FROM ratings WHERE rater = ?", [rater]).fetchall()
        return dict(rows)

    def all(self) -> list[Rating]:
        """Returns all ratings in the order in which they were stored."""
        with self._lock:
            rows = self._connection.execute("SELECT rater, trial, rating, time FROM ratings ORDER BY rowid").fetchall()
        return [Rating(*row) for row in rows]

    def close(self) -> None:
        self._connection.close()
