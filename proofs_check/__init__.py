"""The ledger: every claim of the paper with tested evidence and a verdict.

>>> from proofs_check import get_claim
>>> str(get_claim("L1").verdict.status)
'holds'
"""

from ._registry import all_claims, claim_ids, get_claim, select_claims
from ._run import run, run_check, run_claim
from .model import Axis, Check, Claim, ClaimResult, Evidence, Kind, Mutant, MutantResult, Role, Status, Verdict, check
from .tally import Tally
from .verify import InvalidSamplerError, SamplerReport, verify_sampler

__all__ = [
    "Axis",
    "Check",
    "Claim",
    "ClaimResult",
    "Evidence",
    "InvalidSamplerError",
    "Kind",
    "Mutant",
    "MutantResult",
    "Role",
    "SamplerReport",
    "Status",
    "Tally",
    "Verdict",
    "all_claims",
    "check",
    "claim_ids",
    "get_claim",
    "run",
    "run_check",
    "run_claim",
    "select_claims",
    "verify_sampler",
]
