"""Lets tests find the harness and the shop."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
