#!/bin/sh
# Write the passwords that docker-compose.yml needs into .env: random ones, each made once.
#
# What the file has already is kept, so the script may run again, for example after an update.
set -eu
umask 077
file=${1:-.env}
touch "$file"
chmod 600 "$file"
for name in POSTGRES_PASSWORD REDIS_PASSWORD GRAFANA_PASSWORD; do
  if ! grep -q "^$name=." "$file"; then
    secret=$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
    [ "${#secret}" = 64 ] || { echo "no random numbers from /dev/urandom" >&2; exit 1; }
    printf '%s=%s\n' "$name" "$secret" >> "$file"
    echo "$name was written to $file."
  fi
done
