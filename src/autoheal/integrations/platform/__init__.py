"""The platform API of the rig: state, fenced actions and the change log of its services."""
