"""What is moved: awkward names, and sizes around those where the mover does something else.

TREE_FILES makes as many files of it, for `scripts/test transfer`.
"""

import os
import random

MIB = 1024 * 1024
FILES = int(os.environ.get("TREE_FILES") or 0)
NAMES = [
    "plain.txt", "~tilde", "~/in home", "sp ace/x y", "ünï/日本.txt", "pct%20x", "a%2Fb", "hash#q?",
    "star*", "[br]{ace}", 'quo"te', "it's", "plus+&=;:@!$,", "emoji😀", "trail ", " lead",
    ".hidden/.too", "dots...x", "..x", "e\u0301", "<xml>&amp;", "tab\tx", "deep/" * 20 + "end",
    "n" * 250, "-rf", "a|b^c`d",
]  # fmt: skip
SIZES = {
    "empty": 0, "one": 1, "part-1": 16 * MIB - 1, "part": 16 * MIB, "part+1": 16 * MIB + 1,
    "three parts": 36 * MIB + 7, "large": 64 * MIB,
}  # fmt: skip


def make(most: int = 64 * MIB) -> dict[str, bytes]:
    """Make the tree, without what is larger."""
    made = random.Random(20261121)
    tree = {name: made.randbytes(made.randrange(1, 5000)) for name in NAMES}
    tree |= {f"sizes/{name}": made.randbytes(size) for name, size in SIZES.items() if size <= most}
    for number in range(FILES - len(tree)):
        # Most are small, as in any folder; a few are not.
        size = int(made.paretovariate(0.7) * 1000) % (2 * MIB) if number % 10 else 0
        tree[f"many/{number % 37}/{number} {NAMES[number % len(NAMES)][:200]}"] = made.randbytes(
            size
        )
    return tree
