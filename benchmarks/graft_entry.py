"""Run the training process, and write a line once its imports are done."""

import sys

from worker.training.__main__ import main

sys.stdout.write('{"type": "imported"}\n')
sys.stdout.flush()
main()
