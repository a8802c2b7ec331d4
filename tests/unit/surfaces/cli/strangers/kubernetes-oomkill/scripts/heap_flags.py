# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
"""Print the heap flags of a pod."""

import argparse
import sys

parser = argparse.ArgumentParser()
parser.add_argument("--pod", required=True)
sys.stdout.write(parser.parse_args().pod)
