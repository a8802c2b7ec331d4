"""WHAT WE ASK OF THE WORLD. Every protocol the core needs.

Stores keep what we know and did; telemetry is read-only; production is the only door to change anything;
runs carry a workflow over a crash. Calls are plain blocking functions, but for durable runs, whose workflows
wait for days and are therefore asynchronous.
"""
