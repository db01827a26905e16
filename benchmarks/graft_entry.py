"""The training process, which first says that it has imported what it needs."""

import sys

from worker.training.__main__ import main

sys.stdout.write('{"type": "imported"}\n')
sys.stdout.flush()
main()
