#!/usr/bin/env bash
# The downloads that corpus.py reads, into the folder $1: sources of jars.txt, packages.txt, and Debian's apache2-doc.
set -eu
here=$(cd "$(dirname "$0")" && pwd); mkdir -p "$1"/{jars,res,npm,apache2-doc}; cd "$1"
while read -r artifact; do
  mvn -q -B dependency:copy -Dartifact="$artifact:jar:sources" -DoutputDirectory=jars
done < "$here/jars.txt"
mvn -q -B dependency:copy -Dartifact=org.keycloak:keycloak-themes:23.0.4 -DoutputDirectory=res
(cd npm && xargs -n 1 npm pack --silent < <(cut -d ' ' -f 1 "$here/packages.txt"))
apt-get download apache2-doc && dpkg -x apache2-doc_*.deb apache2-doc
