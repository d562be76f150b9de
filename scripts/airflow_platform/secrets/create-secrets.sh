# Makes the Secrets below, with random values where nobody has to know them. One that exists is left as it is, and
# what it lacks is named.
# No value is on a command line, where a list of processes would show it: values go through pipes, and through
# files that only you can read and that are removed at the end.
#
# What only you can know is taken from the variable that is named after the Secret and the key, or from the file
# whose path is in that variable with _FILE after its name; otherwise you are asked for it.

set -eu
umask 077
kubectl=${KUBECTL:-kubectl}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir "$work/new" "$work/types" "$work/labels"

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# missing SECRET TYPE [LABEL]: whether the Secret is to be made. What follows says what is in it.
missing() {
  secret=$1
  found=$("$kubectl" get secret "$secret" --namespace "$namespace" --ignore-not-found --output name) ||
    fail "Cannot see whether the Secret $secret exists in $namespace."
  if [ -n "$found" ]; then
    echo "$secret exists, and stays as it is."
    return 1
  fi
  mkdir "$work/new/$secret"
  printf '%s' "$2" >"$work/types/$secret"
  [ -z "${3-}" ] || printf '%s' "$3" >"$work/labels/$secret"
}

# check_keys SECRET KEY...: names the keys that a Secret lacks which exists.
check_keys() {
  name=$1
  shift
  # Only the names of the keys, and no value.
  there=$("$kubectl" get secret "$name" --namespace "$namespace" \
    --output "go-template={{ range \$key, \$value := .data }}{{ \$key }} {{ end }}") ||
    fail "Cannot see which keys the Secret $name has."
  for key in "$@"; do
    case " $there" in
      *" $key "*) ;;
      *)
        echo "$name exists, and lacks the key $key." >&2
        : >"$work/incomplete"
        ;;
    esac
  done
}

# of_others SECRET READERS: a Secret of which nobody but you knows the keys.
of_others() {
  found=$("$kubectl" get secret "$1" --namespace "$namespace" --ignore-not-found --output name) ||
    fail "Cannot see whether the Secret $1 exists in $namespace."
  [ -n "$found" ] || echo "$1 is missing, and only you know its keys. $2 needs it."
}

# random KEY BYTES: random hexadecimal digits.
random() {
  openssl rand -hex "$2" | tr -d '\n' >"$work/new/$secret/$1"
  [ -s "$work/new/$secret/$1" ] || fail "openssl made no random value."
}

# fernet KEY: 32 random bytes in the form that Airflow wants.
fernet() {
  openssl rand -base64 32 | tr '+/' '-_' | tr -d '\n' >"$work/new/$secret/$1"
  [ -s "$work/new/$secret/$1" ] || fail "openssl made no random value."
}

# fixed KEY VALUE: no secret, such as the name of a user.
fixed() {
  printf '%s' "$2" >"$work/new/$secret/$1"
}

# same KEY OTHER: what the key OTHER of the same Secret has.
same() {
  [ ! -f "$work/new/$secret/$2" ] || cp "$work/new/$secret/$2" "$work/new/$secret/$1"
}

# connection KEY BEFORE SECRET OTHER AFTER: a URL with the password that the key OTHER of a Secret has.
connection() {
  if [ -f "$work/new/$3/$4" ]; then
    cp "$work/new/$3/$4" "$work/password"
  else
    "$kubectl" get secret "$3" --namespace "$namespace" \
      --output "go-template={{ index .data \"$4\" | base64decode }}" >"$work/password" ||
      fail "The Secret $3 has no key $4, whose password the connection in $secret needs."
  fi
  {
    printf '%s' "$2"
    encoded <"$work/password"
    printf '%s' "$5"
  } >"$work/new/$secret/$1"
  rm "$work/password"
}

# Encodes what a password may not have in a URL.
encoded() {
  od -A n -v -t u1 | awk '{
    for (i = 1; i <= NF; i++)
      if ($i >= 48 && $i <= 57 || $i >= 65 && $i <= 90 || $i >= 97 && $i <= 122) printf "%c", $i
      else printf "%%%02X", $i
  }'
}

# ask KEY VARIABLE KIND [optional]: what only you know; KIND is text, password or file.
ask() {
  eval "value=\${$2-} path=\${$2_FILE-}"
  if [ -n "${path:-}" ]; then
    cat "$path" >"$work/new/$secret/$1"
  elif [ -n "${value:-}" ]; then
    printf '%s' "$value" >"$work/new/$secret/$1"
  elif (: </dev/tty) 2>"$work/no-terminal"; then
    prompt "$1" "$3"
  elif [ "${4-}" = optional ]; then
    echo "$secret, which pods can do without, gets no $1: neither $2 nor $2_FILE is set."
  else
    echo "  $2 or $2_FILE   for the key $1 of $secret" >>"$work/lacking"
  fi
}

prompt() {
  if [ "$2" = file ]; then
    printf 'Path of the file for the key %s of %s: ' "$1" "$secret" >/dev/tty
    IFS= read -r path </dev/tty || fail "No value was given."
    cat "$path" >"$work/new/$secret/$1"
    return
  fi
  if [ "$2" = password ]; then
    trap 'stty echo </dev/tty; exit 1' HUP INT TERM
    stty -echo </dev/tty
  fi
  printf 'Value for the key %s of %s: ' "$1" "$secret" >/dev/tty
  IFS= read -r value </dev/tty || {
    [ "$2" != password ] || stty echo </dev/tty
    fail "No value was given."
  }
  if [ "$2" = password ]; then
    stty echo </dev/tty
    trap 'exit 1' HUP INT TERM
    echo >/dev/tty
  fi
  printf '%s' "$value" >"$work/new/$secret/$1"
}

create_all() {
  if [ -f "$work/lacking" ]; then
    fail "Nothing was made. Set these variables:
$(cat "$work/lacking")"
  fi
  for directory in "$work"/new/*; do
    name=${directory##*/}
    if [ -n "$(ls -A "$directory" 2>/dev/null)" ]; then
      "$kubectl" create secret generic "$name" --namespace "$namespace" \
        --type "$(cat "$work/types/$name")" --from-file "$directory"
      [ ! -f "$work/labels/$name" ] ||
        "$kubectl" label secret "$name" --namespace "$namespace" "$(cat "$work/labels/$name")"
    fi
  done
  [ ! -f "$work/incomplete" ] ||
    fail "Add the keys that Secrets lack. Or delete such a Secret, if you can do without its values, and run this again."
}
