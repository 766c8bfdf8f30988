"""What each DAG file costs to read: `.run/venvs/dev/bin/python -m benchmarks.parse`.

Each in a process of its own, after Airflow itself is loaded, as the DAG processor does. Prints the
worst of five and writes benchmarks/results/parse.md; the promise is 200 ms of processor time: a
clock would say more of what else the machine does.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 5
PROMISED = 200
PROGRAM = """
import sys, time
import airflow.sdk
from airflow.dag_processing.dagbag import DagBag
started = time.process_time()
bag = DagBag(sys.argv[1])
spent = time.process_time() - started
assert bag.dags and not bag.import_errors, bag.import_errors
print(spent * 1000)
"""


def milliseconds(file: Path, home: str) -> float:
    """Read one file in a fresh process; how much processor time that took."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, file],
        env={"AIRFLOW_HOME": home, "PYTHONPATH": str(ROOT / "src"), "HOME": home},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure every file; 1 when one breaks the promise."""
    lines = [f"# Reading the DAG files: processor time, the worst of {ROUNDS}", ""]
    lines += ["| file | ms |", "|---|---|"]
    worst = 0.0
    with tempfile.TemporaryDirectory() as home:
        for file in sorted((ROOT / "dags").glob("*.py")):
            slowest = max(milliseconds(file, home) for _ in range(ROUNDS))
            worst = max(worst, slowest)
            lines.append(f"| {file.name} | {slowest:.0f} |")
    text = "\n".join(lines) + "\n"
    (ROOT / "benchmarks/results/parse.md").write_text(text)
    print(text, end="")
    return int(worst > PROMISED)


if __name__ == "__main__":
    sys.exit(main())
