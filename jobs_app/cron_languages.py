"""The words schedules are told in, one table for each language. Only data and how lists are joined."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Unit:
    """How a language speaks of seconds, minutes or hours; ``{}`` stands for numbers."""

    each: str  # "every minute", as the head of a sentence
    every_n: str
    at_one: str
    at_many: str
    of_one: str
    of_many: str
    of_each: str

    def head(self, values: Sequence[int], size: int, words: Words) -> str:
        if len(values) == size:
            return self.each
        return (self.at_one if len(values) == 1 else self.at_many).format(words.numbers(values))

    def tail(self, values: Sequence[int], size: int, words: Words) -> str:
        if len(values) == size:
            return self.of_each
        return (self.of_one if len(values) == 1 else self.of_many).format(words.numbers(values))

    def cadence(self, values: Sequence[int], size: int) -> str | None:
        """ "Every 15 minutes" when the values keep one distance all around the dial, else None."""
        step = size // len(values)
        if tuple(values) != tuple(range(0, size, step)) or size % step:
            return None
        return self.each if step == 1 else self.every_n.format(step)


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    second: Unit
    minute: Unit
    hour: Unit
    at: str
    window: str
    conjunction: str
    run: str
    every_day: str
    month_day: str
    month_days: str
    last_day: str
    of_month: str
    either: str
    both: str
    weekday: str
    weekday_run: str
    nth_weekday: str
    ordinals: tuple[str, ...]  # the last, then the first to the fifth
    weekdays: tuple[str, ...]
    in_month: str
    month_run: str
    months: tuple[str, ...]
    date: str
    gap: str
    overlap: str
    fires_at: str
    fires_not: str
    fires_first: str
    fires_both: str

    def listed(self, parts: Sequence[str]) -> str:
        """ "a, b and c"."""
        *head, tail = parts
        return f"{', '.join(head)} {self.conjunction} {tail}" if head else tail

    def numbers(self, values: Sequence[int]) -> str:
        """ "1 to 5 and 10", and "0, 7, 14, …, 56" for a long list of one step."""
        steps = {after - before for before, after in pairwise(values)}
        if len(values) > 4 and len(steps) == 1 and steps != {1}:
            return "{}, {}, {}, …, {}".format(*values[:3], values[-1])
        return self.listed([part for run in runs(values) for part in self._run(run)])

    def _run(self, run: Sequence[int]) -> list[str]:
        return [self.run.format(run[0], run[-1])] if len(run) > 2 else [str(value) for value in run]


_ENGLISH = Words(
    second=Unit(
        each="Every second",
        every_n="Every {} seconds",
        at_one="At second {}",
        at_many="At seconds {}",
        of_one="of second {}",
        of_many="of seconds {}",
        of_each="of every second",
    ),
    minute=Unit(
        each="Every minute",
        every_n="Every {} minutes",
        at_one="At minute {}",
        at_many="At minutes {}",
        of_one="of minute {}",
        of_many="of minutes {}",
        of_each="of every minute",
    ),
    hour=Unit(
        each="Every hour",
        every_n="Every {} hours",
        at_one="At hour {}",
        at_many="At hours {}",
        of_one="of hour {}",
        of_many="of hours {}",
        of_each="of every hour",
    ),
    at="At {}",
    window="{} from {} to {}",
    conjunction="and",
    run="{} to {}",
    every_day="every day",
    month_day="on day {}",
    month_days="on days {}",
    last_day="on the last day",
    of_month="{} of the month",
    either="{} or {}",
    both="{}, and only {}",
    weekday="on {}",
    weekday_run="from {} to {}",
    nth_weekday="on the {} {} of the month",
    ordinals=("last", "first", "second", "third", "fourth", "fifth"),
    weekdays=("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
    in_month="in {}",
    month_run="from {} to {}",
    months=(
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
    date="{} {} {}",
    gap="{}: {} does not exist, {}",
    overlap="{}: {} comes twice, {}",
    fires_at="fires at {}",
    fires_not="does not fire",
    fires_first="fires the first time only",
    fires_both="fires both times",
)

_FRENCH = Words(
    second=Unit(
        each="Toutes les secondes",
        every_n="Toutes les {} secondes",
        at_one="À la seconde {}",
        at_many="Aux secondes {}",
        of_one="de la seconde {}",
        of_many="des secondes {}",
        of_each="de chaque seconde",
    ),
    minute=Unit(
        each="Toutes les minutes",
        every_n="Toutes les {} minutes",
        at_one="À la minute {}",
        at_many="Aux minutes {}",
        of_one="de la minute {}",
        of_many="des minutes {}",
        of_each="de chaque minute",
    ),
    hour=Unit(
        each="Toutes les heures",
        every_n="Toutes les {} heures",
        at_one="À l’heure {}",
        at_many="Aux heures {}",
        of_one="de l’heure {}",
        of_many="des heures {}",
        of_each="de chaque heure",
    ),
    at="À {}",
    window="{} de {} à {}",
    conjunction="et",
    run="{} à {}",
    every_day="tous les jours",
    month_day="le jour {}",
    month_days="les jours {}",
    last_day="le dernier jour",
    of_month="{} du mois",
    either="{} ou {}",
    both="{}, et seulement {}",
    weekday="le {}",
    weekday_run="du {} au {}",
    nth_weekday="le {} {} du mois",
    ordinals=("dernier", "premier", "deuxième", "troisième", "quatrième", "cinquième"),
    weekdays=("dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"),
    in_month="en {}",
    month_run="entre {} et {} inclus",  # "de … à" would need d’avril
    months=(
        *("janvier", "février", "mars", "avril", "mai", "juin"),
        *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
    ),
    date="{} {} {}",
    gap="{} : {} n’existe pas, {}",
    overlap="{} : {} se répète, {}",
    fires_at="déclenche à {}",
    fires_not="ne déclenche pas",
    fires_first="déclenche la première fois seulement",
    fires_both="déclenche les deux fois",
)

_LANGUAGES = {"en": _ENGLISH, "fr": _FRENCH}


def words_of(language: str) -> Words:
    """The words of a language code such as ``fr`` or ``fr-ca``; English where we have no table."""
    return _LANGUAGES.get(language.lower()[:2], _ENGLISH)


def runs(values: Sequence[int]) -> Iterator[list[int]]:
    """Split sorted values into runs of neighbours."""
    run: list[int] = []
    for value in values:
        if run and value != run[-1] + 1:
            yield run
            run = []
        run.append(value)
    if run:
        yield run
