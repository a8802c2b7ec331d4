"""The loop in ten lines.

An alert comes in (alerts), opens an incident and starts a durable healing run (healing): triage, recall
from the production context graph (graph), investigate with the evidence engine (diagnosis) and where that
is unsure with a model (reasoning), review, decide by policy (policy), mitigate, verify, close. A second
durable run (learning) turns the closed incident into five proposals with proofs. What was seen is recorded
and can be replayed (recording); what it cost and what it changed is reported (reports). The words stand in
domain, what we ask of the world in ports, the loop as a whole in loop, with housekeeping beside it;
integrations speak to the world, sandbox is a small production to break, config joins the settings, app
names every use case, wiring puts it all together, and surfaces are its doors.
"""
