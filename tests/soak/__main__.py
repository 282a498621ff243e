"""Runs it and says what it found; the exit code is 1 if that is not good. See the package."""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
from pathlib import Path

from soak.run import Outcome, Plan, run, write_samples
from soak.verdict import passed, table


def effort(outcome: Outcome) -> str:
    """Parts of one core: the proxy's, and that of users, attackers and backends together."""
    first, last = outcome.samples[0], outcome.samples[-1]
    seconds = last.at - first.at
    proxy = sum(last.cpu.values()) - sum(first.cpu.values())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    rest = sum(each.ru_utime + each.ru_stime for each in used) - sum(last.cpu.values())
    return f"{seconds:.0f} seconds; of one core: the proxy {proxy / seconds:.1%}, all others {rest / seconds:.1%}"


def report(outcome: Outcome) -> str:
    """All of it, the verdict last."""
    ledger = outcome.ledger
    parts = [
        effort(outcome),
        f"users: {ledger.users}, {ledger.moved} moved from a backend that left; requests {dict(ledger.requests.most_common())}",
        f"attacks: {sum(ledger.attacks.values())}: {dict(ledger.attacks.most_common())}",
        f"attackers were answered: {dict(ledger.statuses.most_common())}",
        f"proxy: { ({k: v for k, v in outcome.samples[-1].counters.items() if v}) }",
        *ledger.texts,
        "",
        table(outcome.checks),
    ]
    return "\n".join(parts)


def main(arguments: list[str]) -> int:
    usual = Plan()
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of load")
    parser.add_argument("--users", type=int, default=usual.users, help="at once")
    parser.add_argument("--pause", type=float, default=usual.pause, help="seconds between two requests of a user")
    parser.add_argument("--rate", type=float, default=usual.rate, help="attacks a second")
    parser.add_argument("--slow", type=int, default=usual.slow, help="attacks that last, at once")
    parser.add_argument("--seed", type=int, default=usual.seed, help="of everything that is chosen at random")
    parser.add_argument("--samples", type=Path, help="file for all samples, a JSON object a line")
    given = vars(parser.parse_args(arguments))
    samples = given.pop("samples")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        outcome = run(Plan(**given), Path(folder), lambda line: print(line, flush=True))
    if samples is not None:
        write_samples(outcome, samples)
    print(report(outcome))
    good = passed(outcome.checks)
    print(f"\nsoak: {'passed' if good else 'FAILED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
