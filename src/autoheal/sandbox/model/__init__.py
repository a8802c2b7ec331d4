"""A model that can be had anywhere: minds of our own behind a vendor's wire format, over real HTTP."""
