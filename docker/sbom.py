#!/usr/bin/env python3
"""An image's bill of materials, as SPDX 2.3 JSON: docker/sbom.py SERVICE IMAGE_ROOT

Its shared libraries are what lies in IMAGE_ROOT, its headers and static libraries what the build
says it read; both are named by the Debian package, with its version, that they came from. Runs
where the image is built, after the build.
"""

import datetime
import hashlib
import json
import pathlib
import re
import subprocess
import sys
from urllib.parse import quote

BUILD = "build/release"
SUPPLIER = "Organization: Debian"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def read_by_the_build(service):
    """Headers and static libraries of the system that went into the executable."""
    inputs = set(run("ninja", "-C", BUILD, "-t", "inputs", service).splitlines())
    found, wanted = {i for i in inputs if i.startswith("/usr/") and i.endswith(".a")}, False
    for line in run("ninja", "-C", BUILD, "-t", "deps").splitlines():
        if not line.startswith(" "):
            wanted = line.split(":")[0] in inputs
        elif wanted and line.strip().startswith("/usr/"):
            found.add(line.strip())
    return found


def packages_of(paths):
    """Debian's packages that own these files: name -> version."""
    # Debian 12 has /lib as a link to /usr/lib, while packages may still say /lib.
    names = {str(pathlib.Path(path).resolve()) for path in paths}
    names |= {name.removeprefix("/usr") for name in names if name.startswith("/usr/lib/")}
    listing = subprocess.run(["dpkg-query", "-S", *sorted(names)], check=False,
                             capture_output=True, text=True).stdout
    owners = sorted({re.split(r"[:,]", line)[0] for line in listing.splitlines()
                     if not line.startswith("diversion")})
    if not owners:
        return {}
    return dict(line.split("\t") for line in run(
        "dpkg-query", "-W", "-f", "${Package}\\t${Version}\\n", *owners).splitlines())


def package(name, version, supplier=SUPPLIER, **more):
    spdx_id = "SPDXRef-Package-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)
    about = {"SPDXID": spdx_id, "name": name, "versionInfo": version, "supplier": supplier,
             "downloadLocation": "NOASSERTION", "filesAnalyzed": False,
             "licenseConcluded": "NOASSERTION", "licenseDeclared": "NOASSERTION",
             "copyrightText": "NOASSERTION"}
    if supplier == SUPPLIER:
        about["externalRefs"] = [{
            "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{quote(name)}@{quote(version, safe='')}"
                                "?distro=bookworm"}]
    return {**about, **more}


def document(service, root):
    executable = root / service
    digest = hashlib.sha256(executable.read_bytes()).hexdigest()
    version = run(str(executable), "--version").split()[1]
    ours = package(service, version, "Organization: Millrace", licenseDeclared="MIT",
                   checksums=[{"algorithm": "SHA256", "checksumValue": digest}])
    in_image = [f"/{path.relative_to(root)}" for path in root.rglob("*.so*") if path.is_file()]
    shared = packages_of([*in_image, "/usr/share/doc/ca-certificates/copyright"])
    static = {name: at for name, at in packages_of(read_by_the_build(service)).items()
              if name not in shared}
    relations = [("SPDXRef-DOCUMENT", "DESCRIBES", ours["SPDXID"])]
    relations += [(ours["SPDXID"], "DYNAMIC_LINK" if name != "ca-certificates" else "DEPENDS_ON",
                   package(name, "")["SPDXID"]) for name in shared]
    relations += [(ours["SPDXID"], "STATIC_LINK", package(name, "")["SPDXID"]) for name in static]
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"millrace-{service}-{version}",
        "documentNamespace": f"https://millrace.invalid/spdx/{service}-{version}-{digest[:16]}",
        "creationInfo": {"created": now, "creators": ["Tool: millrace-docker-sbom"]},
        "packages": [ours, *(package(name, at) for name, at in
                             sorted({**shared, **static}.items()))],
        "relationships": [{"spdxElementId": one, "relationshipType": kind,
                           "relatedSpdxElement": other} for one, kind, other in relations],
    }


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print(json.dumps(document(sys.argv[1], pathlib.Path(sys.argv[2])), indent=1))


if __name__ == "__main__":
    main()
