"""The deploy platform: releases, configuration, flags and replicas of every service, changed by one door."""
