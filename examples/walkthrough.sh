#!/usr/bin/env bash
# A walk through the contracts with curl: each request is printed before its answer. It needs curl and python3; the
# binary is `comptoir` on the PATH, or what COMPTOIR_BIN names.
set -euo pipefail

exec {line}< <(exec "${COMPTOIR_BIN:-comptoir}" demo --json --listen 127.0.0.1:0 --log warn)
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null || true' EXIT
# The server prints one line of JSON once it listens: there is nothing to poll for.
read -r -u "$line" ready

field() { # PATH < JSON: one field of it, such as `api_token secret`.
  python3 -c 'import functools, json, sys
print(functools.reduce(lambda value, name: value[int(name) if name.isdigit() else name], sys.argv[1:], json.load(sys.stdin)))' "$@"
}
url=$(field url <<<"$ready")
password=$(field password <<<"$ready")
connector=$(field api_token secret <<<"$ready")

concealed() {
  sed -e "s/$connector/cmp_…/g" -e "s/$password/…/g" -e 's/eyJ[A-Za-z0-9_.-]*/eyJ…/g'
}

call() { # TITLE, then the arguments of curl; the answer is printed and kept in $answer.
  {
    printf '\n# %s\ncurl' "$1"
    for argument in "${@:2}"; do
      if [[ $argument == *[^A-Za-z0-9:/._=-]* ]]; then printf " '%s'" "$argument"; else printf ' %s' "$argument"; fi
    done
    echo
  } | concealed
  answer=$(curl --silent --show-error --fail-with-body --max-time 30 "${@:2}")
  printf '%.600s\n' "$answer" | concealed
}
json=(-H 'Content-Type: application/json')

call 'Sign in: the answer is a token' "$url/account/token/generation" "${json[@]}" \
  -d "{\"username\": \"olena\", \"password\": \"$password\"}"
token=${answer//\"/}
olena=(-H "Authorization: Bearer $token")
bot=(-H "Authorization: Bearer $connector")

call 'Who am I' "$url/account/info" "${olena[@]}"
call 'What has been used this month until yesterday' "$url/account/statistics?service=UNIVERSAL" "${olena[@]}"

code=11111111-2222-4333-8444-555555555555
call 'A connector reports work' "$url/comptoir/v1/processes" "${bot[@]}" "${json[@]}" -d "{
  \"process_code\": \"$code\",
  \"start\": {\"username\": \"ivan\", \"service\": \"UNIVERSAL\", \"process_type\": \"PLAN\", \"points\": [\"depot\", \"shop 1\"]}}"
call 'with its data' "$url/comptoir/v1/processes/$code/files/INPUT" "${bot[@]}" -X PUT \
  -H 'Content-Type: application/octet-stream' --data-binary 'depot;shop 1'
call 'and its end' "$url/comptoir/v1/processes/$code/finish" "${bot[@]}" "${json[@]}" \
  -d '{"status": "FINISHED_IN_TIME", "elements": 2}'
[[ $(field status <<<"$answer") == FINISHED_IN_TIME ]]
call 'The audit has it' "$url/account/audit?service=UNIVERSAL&limit=1" "${olena[@]}"
[[ $(field counters filter total <<<"$answer") == 1 ]]

call 'A list of the audience' "$url/comptoir/v1/audience/lists" "${olena[@]}" "${json[@]}" -d '{"name": "Spring fair"}'
list=$(field id <<<"$answer")
call 'A subscriber, in XML' "$url/api/v1.1/profiles/import" -H 'Content-Type: application/xml' \
  -H 'Accept: application/xml' -d "<xml>
  <token>$connector</token><db_id>$list</db_id><matching>email</matching>
  <data><email>olena@example.com</email><_fname>Olena</_fname></data></xml>"
[[ $answer == *'<error>0</error>'* ]]

call 'When may Dnipro Retail send North Star Dairy an order?' -G "$url/comptoir/v1/order-windows/check" "${olena[@]}" \
  -d producer=13200001 -d distributor=13200791 -d lang=uk

call 'Is the server well?' "$url/health/ready"
printf '\nThe rest is at %s/docs while the server runs.\n' "$url"
