# Sourced by the scripts that start Java: find_jdk.

# Prints the homes where a JDK may be, the likeliest first.
jdk_candidates() {
  echo "${JAVA_HOME:-}"
  local java
  if java=$(command -v java); then
    java=$(readlink -f "$java") && echo "${java%/bin/java}"
  fi
  ls -d /usr/lib/jvm/*25* /usr/lib/jvm/* "${SDKMAN_DIR:-${HOME:-}/.sdkman}"/candidates/java/* "${HOME:-}"/.jdks/* 2>/dev/null || true
  if [ -x /usr/libexec/java_home ]; then
    /usr/libexec/java_home -v 25 2>/dev/null || true
  fi
}

# Prints the home of a JDK 25, the one that the build takes, told by its release file so that no JVM is started.
find_jdk() {
  local home version
  while read -r home; do
    if [ -x "$home/bin/javac" ] && [ -r "$home/release" ]; then
      version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release")
      if [ "${version:-0}" -eq 25 ]; then
        echo "$home"
        return
      fi
    fi
  done < <(jdk_candidates)
  return 1
}
