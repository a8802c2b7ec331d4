#!/usr/bin/env bash
set -euo pipefail
psql "$1" -Atc "SELECT relname, n_dead_tup FROM pg_stat_user_tables ORDER BY 2 DESC LIMIT 20"
