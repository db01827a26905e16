# Shell functions for the commands of the how-tos: curl that shows an error and fails, and waits
# that end. Load them in bash or zsh, in the repository's folder:  . docs/how-to/ask.sh

GRAFT_URL=${GRAFT_URL:-http://localhost:8000}
MAX_WAIT_SECONDS=${MAX_WAIT_SECONDS:-3600}

# The header for access control, as a configuration of curl, because everybody may see arguments.
_key() {
  if [ -n "${GRAFT_API_KEY:-}" ]; then printf 'header = "Authorization: Bearer %s"\n' "$GRAFT_API_KEY"; fi
}

# ask PATH [curl options]: send a request and print the answer.
# An error is printed to stderr, and the function fails.
ask() {
  local answer failed=0
  answer=$(mktemp)
  curl -K <(_key) -sS --fail-with-body -o "$answer" "$GRAFT_URL$1" "${@:2}" || failed=1
  _show "$answer" "$failed"
}

# id_of: read an answer from stdin and print its id.
id_of() { sed -E 's/^\{"id":"([^"]*)".*/\1/'; }

# ask_until_done PATH [curl options]: the same as ask, again each second while the answer is 202,
# which means that a worker has not finished yet.
ask_until_done() {
  local answer code failed=0 seconds
  answer=$(mktemp)
  for seconds in $(seq "$MAX_WAIT_SECONDS"); do
    code=$(curl -K <(_key) -sS --fail-with-body -o "$answer" -w '%{http_code}' "$GRAFT_URL$1" "${@:2}") || failed=1
    if [ "$code" != 202 ]; then _show "$answer" "$failed"; return; fi
    sleep 1
  done
  rm -f "$answer"
  echo "$1 has no answer after $seconds s; MAX_WAIT_SECONDS=… waits longer" >&2
  return 1
}

# wait_for PATH: wait until a dataset is ready, or a job, study or batch has succeeded.
# If it failed or was cancelled, it is printed to stderr, and the function fails.
wait_for() {
  local answer state seconds
  for seconds in $(seq "$MAX_WAIT_SECONDS"); do
    answer=$(ask "$1") || return 1
    state=${answer#*\"status\":\"}
    state=${state%%\"*}
    case $state$answer in
      finished*'"succeeded":0,'*) state=failed ;; # a study without a single model
    esac
    case $state in
      ready | succeeded | finished) return 0 ;;
      invalid | failed | cancelled) printf '%s\n' "$answer" >&2; return 1 ;;
    esac
    sleep 1
  done
  echo "$1 has not ended after $seconds s; MAX_WAIT_SECONDS=… waits longer" >&2
  return 1
}

_show() {
  if [ "$2" = 0 ]; then cat "$1"; else cat "$1" >&2; echo >&2; fi
  rm -f "$1"
  return "$2"
}
