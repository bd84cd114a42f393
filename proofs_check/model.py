"""What the ledger is made of: claims, the checks that test them, evidence, verdicts and mutants."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from .scope import Axis, Reached, uncovered

if TYPE_CHECKING:
    from .tally import Tally

__all__ = [
    "Axis",
    "Check",
    "Claim",
    "ClaimResult",
    "Evidence",
    "Kind",
    "Mutant",
    "MutantResult",
    "Role",
    "Status",
    "Verdict",
    "check",
    "derive_status",
]


class Kind(StrEnum):
    """Kinds of evidence, strongest first."""

    FORMAL = "formal"
    ENUMERATION = "enumeration"
    EXACT = "exact arithmetic"
    DUALITY = "duality gap"
    PROPERTY = "property"
    NUMERICAL = "numerical"
    STATISTICAL = "statistical"
    EXPERIMENT = "experiment"
    REGRESSION = "regression"


class Role(StrEnum):
    """What a check speaks for."""

    STATEMENT = "the paper's statement"
    CONDITION = "the statement under the condition"
    SHARP = "the sharp statement"
    APPROXIMATE = "the accuracy"


class Status(StrEnum):
    """Verdicts of the ledger."""

    HOLDS = "holds"
    SHARPENED = "holds, sharpened"
    CONDITION = "holds with a condition"
    APPROXIMATELY = "holds approximately"
    REFUTED = "refuted"
    OPEN = "open"
    NOT_VERIFIED = "not verified"


class Parts:
    """A claim's ingredients as attributes; remembers which of them a check looked at."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)
        self._used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self._values:
            raise AttributeError(f"parts must be one of {', '.join(self._values)}, got {name!r}")
        self._used.add(name)
        return self._values[name]


@dataclass(frozen=True)
class Check:
    """One test of a claim.

    Attributes
    ----------
    words : str
        What is tested, in words.
    kind : Kind
        Kind of evidence it gives.
    role : Role
        Whether it speaks for the paper's statement or for what the ledger puts in its place.
    test : callable
        ``test(parts, tally)``: ``parts`` holds the claim's ingredients by name, ``tally`` counts cases and deviations
        and ends the test at the first case that fails.
    tolerance : float
        Largest deviation allowed; 0 for exact claims.
    false_alarm : float
        For statistical checks: bound on the chance that the check fails although the claim is true.
    """

    words: str
    kind: Kind
    role: Role
    test: Callable[[Any, Tally], None]
    tolerance: float = 0.0
    false_alarm: float = 0.0


def check(
    words: str, kind: Kind, role: Role = Role.STATEMENT, *, tolerance: float = 0.0, false_alarm: float = 0.0
) -> Callable[[Callable[[Any, Tally], None]], Check]:
    """Make a :class:`Check` of a function ``test(parts, tally)``."""
    if (kind is Kind.STATISTICAL) != (false_alarm > 0.0):
        raise ValueError(f"false_alarm must be > 0 for statistical checks and only for them, got {false_alarm:g}")

    def decorate(test: Callable[[Any, Tally], None]) -> Check:
        return Check(words, kind, role, test, tolerance, false_alarm)

    return decorate


@dataclass(frozen=True)
class Mutant:
    """A plausible false variant of a claim: the same checks with other ingredients."""

    words: str
    changes: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """The verdict on record: a status, and in words how, when or how well."""

    status: Status
    words: str


@dataclass(frozen=True)
class Claim:
    r"""A claim of the paper, or of this project where it goes further.

    Attributes
    ----------
    id, title : str
        The id is used everywhere: docstrings, tests, figures.
    where : str
        Place in the paper.
    statement, latex : str
        The claim in words and as a formula.
    domain : str
        For which inputs it is meant.
    scope : tuple of Axis
        The same by axes, each with what is stated, what the checks reach and what carries the rest; a run compares.
    verdict : Verdict
        The verdict on record; a run that finds another one fails.
    checks : tuple of Check
        The tests.
    parts : mapping
        Ingredients of the checks by name.
    mutants : tuple of Mutant
        False variants that the checks must refute.
    sharp : str
        What holds instead or beyond, where the verdict departs from the paper's wording.
    example : callable or None
        Prints a smallest example that can be verified by hand.
    """

    id: str
    title: str
    where: str
    statement: str
    latex: str
    domain: str
    verdict: Verdict
    checks: tuple[Check, ...]
    parts: Mapping[str, Any]
    mutants: tuple[Mutant, ...]
    sharp: str = ""
    example: Callable[[], str] | None = None
    scope: tuple[Axis, ...] = ()

    def __post_init__(self) -> None:
        for name in ("statement", "domain", "sharp"):
            object.__setattr__(self, name, " ".join(getattr(self, name).split()))

    def namespace(self, mutant: Mutant | None = None) -> Parts:
        """The ingredients, with those of a mutant in their place."""
        changes = dict(mutant.changes) if mutant else {}
        unknown = sorted(set(changes) - set(self.parts))
        if unknown:
            raise ValueError(f"mutant of {self.id} must change known parts ({', '.join(self.parts)}), got {unknown}")
        return Parts({**self.parts, **changes})


@dataclass(frozen=True)
class Evidence:
    """Outcome of one check.

    ``passed`` is None where there is nothing to test yet (an experiment that has not been run). ``counterexample`` is
    the first case that failed; ``error`` a failure of the check itself; ``parts`` the ingredients it looked at;
    ``needs`` the table that it could not find; ``reached`` what it covered of each axis of the claim's scope.
    """

    words: str
    kind: Kind
    role: Role
    passed: bool | None
    cases: int
    deviation: float
    tolerance: float
    seed: int
    seconds: float
    false_alarm: float = 0.0
    counterexample: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    needs: str = ""
    reached: Mapping[str, Reached] = field(default_factory=dict)


@dataclass(frozen=True)
class MutantResult:
    """Whether a mutant was refuted, and by which case; ``checked`` is False where there was nothing to refute it by."""

    words: str
    killed: bool
    by: str = ""
    checked: bool = True


@dataclass(frozen=True)
class ClaimResult:
    """Everything a run found out about one claim."""

    id: str
    title: str
    recorded: Status
    status: Status
    evidence: tuple[Evidence, ...]
    mutants: tuple[MutantResult, ...] = field(default=())
    seconds: float = 0.0
    uncovered: tuple[str, ...] = ()

    @property
    def agrees(self) -> bool:
        """The verdict found is the one on record.

        An open verdict differs from none but "not verified": there may be no experiment's data here, or data that came
        after the record.
        """
        if self.status == self.recorded:
            return True
        return Status.OPEN in (self.status, self.recorded) and self.status is not Status.NOT_VERIFIED

    @property
    def needs(self) -> tuple[str, ...]:
        """Tables that its checks could not find."""
        return tuple(dict.fromkeys(e.needs for e in self.evidence if e.needs))

    @property
    def tried(self) -> int:
        """Mutants that could be tried."""
        return sum(m.checked for m in self.mutants)

    @property
    def cases(self) -> int:
        """Cases over all checks."""
        return sum(e.cases for e in self.evidence)

    @property
    def killed(self) -> int:
        """Mutants refuted."""
        return sum(m.killed for m in self.mutants)

    @property
    def strongest(self) -> str:
        """The strongest kind of evidence that passed."""
        kinds = list(Kind)
        passed = [kinds.index(e.kind) for e in self.evidence if e.passed]
        return str(kinds[min(passed)]) if passed else "none"

    @property
    def deviation(self) -> float:
        """Largest deviation of the numerical checks that passed (statistical ones, in standard errors, left out)."""
        return max(
            (
                e.deviation
                for e in self.evidence
                if e.passed and e.kind not in (Kind.STATISTICAL, Kind.EXPERIMENT, Kind.REGRESSION)
            ),
            default=0.0,
        )


def derive_status(
    evidence: tuple[Evidence, ...], mutants: tuple[MutantResult, ...], scope: tuple[Axis, ...] = ()
) -> Status:
    """The verdict that the evidence allows.

    Any error, any failed check of a sharp, conditional or approximate statement, any surviving mutant, or an axis of
    the scope that the checks do not reach as far as the registry says, means "not verified". Otherwise: where the
    paper's statement passes, the claim holds (sharpened or approximately, if such
    checks exist); where it fails on a counterexample, it holds with a condition or approximately if such checks
    pass, and is refuted if there are none.
    """
    if not evidence or any(e.error for e in evidence) or any(m.checked and not m.killed for m in mutants):
        return Status.NOT_VERIFIED
    if any(e.passed is False and e.role is not Role.STATEMENT for e in evidence):
        return Status.NOT_VERIFIED
    if any(e.passed is None for e in evidence):
        return Status.OPEN
    reached = [e.reached for e in evidence if e.passed]
    for runs, status in ((False, Status.NOT_VERIFIED), (True, Status.OPEN)):
        if uncovered([axis for axis in scope if axis.runs is runs], reached):
            return status
    roles = {e.role for e in evidence}
    if any(e.passed is False for e in evidence):
        if Role.CONDITION in roles:
            return Status.CONDITION
        return Status.APPROXIMATELY if Role.APPROXIMATE in roles else Status.REFUTED
    if Role.CONDITION in roles:
        return Status.CONDITION
    if Role.APPROXIMATE in roles:
        return Status.APPROXIMATELY
    return Status.SHARPENED if Role.SHARP in roles else Status.HOLDS
