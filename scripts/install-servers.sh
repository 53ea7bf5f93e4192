#!/usr/bin/env bash
# Fetches the brokers that Debian doesn't have, for the integration tests and benches: Apache Kafka
# from Maven, into a cache folder outside the tree. Says nothing when all is there.
set -euo pipefail
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"

cache=${XDG_CACHE_HOME:-$HOME/.cache}/millrace
kafka_version=3.9.1
kafka=$cache/kafka-$kafka_version

# Whole or not at all: what an interrupted run left behind is never taken for the real thing.
[[ -d $kafka ]] && exit 0
command -v mvn >/dev/null || die "install-servers: mvn is missing; run scripts/install-deps.sh kafka"
mkdir -p "$cache"
work=$(mktemp -d "$cache/fetching.XXXXXX")
trap 'rm -rf "$work"' EXIT

cat >"$work/pom.xml" <<XML
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>kafka</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$kafka_version</version>
    </dependency>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka-tools</artifactId>
      <version>$kafka_version</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
XML

say "install-servers: fetching Kafka $kafka_version (46 MB)"
for attempt in 1 2 3; do
  mvn -q -B -f "$work/pom.xml" dependency:copy-dependencies -DoutputDirectory="$work/jars" \
    >"$work/log" 2>&1 && break
  ((attempt < 3)) || die "install-servers: Kafka can't be fetched from Maven:
$(tail -n 12 "$work/log")
Is the network there? Then run this again."
done
# Another one may have been faster: then theirs is as good.
mv -T "$work/jars" "$kafka" 2>/dev/null || [[ -d $kafka ]]
say 'install-servers: done'
