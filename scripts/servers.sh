#!/bin/sh
# Gets Redis 6.0, Redis 8.0 and Valkey 8.1 as Debian packages, and unpacks them into .cache/servers, where they meet nothing of the system.
# Each gets a file `server` that runs it. What is there already is kept. It needs apt, which Debian and Ubuntu have.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .cache/servers
cd .cache/servers
home=$(pwd)

# get <folder> <release> <name of the server>
get() {
  [ -x "$1/server" ] && return
  echo "getting $3 of Debian $2"
  apt="$home/apt-$2"
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$1.new/debs"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $2 main" > "$apt/sources.list"
  options="-qq -o Dir::Etc::sourcelist=$apt/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$apt/lists
    -o Dir::Cache=$apt/cache -o Dir::State::status=/dev/null -o APT::Sandbox::User=root"
  apt-get $options update
  # The server and its libraries, down to the one of C: those of the system may be older or newer.
  names=$(apt-cache $options depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances "$3-server" "$3-tools" | grep -E "^(lib|lua|$3)" | sort -u)
  (cd "$1.new/debs" && apt-get $options download $names && for deb in *.deb; do dpkg -x "$deb" ..; done)
  rm -r "$1.new/debs"
  rm -rf "$1"
  mv "$1.new" "$1"
  loader=$(ls "$1"/lib/*-linux-*/ld-*.so* "$1"/usr/lib/*-linux-*/ld-*.so* 2> /dev/null | head -n 1)
  libraries=$(ls -d "$home/$1"/lib/*-linux-* "$home/$1"/usr/lib/*-linux-* 2> /dev/null | tr '\n' ':')
  printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' \
    "$home/$loader" "$libraries" "$home/$1/usr/bin/$3-server" > "$1/server"
  chmod +x "$1/server"
  "$1/server" --version
}

get redis-6.0 bullseye redis
get redis-8.0 trixie redis
get valkey-8.1 trixie valkey
