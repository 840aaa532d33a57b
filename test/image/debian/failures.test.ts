import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { explainFailure } from "../../../src/image/debian/failures.ts";
import { type BangerError, type ErrorCode, fault } from "../../../src/lib/errors/error.ts";

const cause = fault("tool_failed", { tool: "mmdebstrap", status: "status 25", stderr: "" });
const deb = "http://deb.debian.org/debian/pool/main/g/gzip/gzip_1.12-1_amd64.deb";
const hashes = { index: "a".repeat(64), file: "b".repeat(64) };

/** What mmdebstrap 1.3.5 and apt 2.6.1 print, shortened. */
const cases: [title: string, output: string, code: ErrorCode, message: string][] = [
  [
    "a file that the mirror does not have",
    `Err:32 http://deb.debian.org/debian bookworm/main amd64 gzip amd64 1.12-1
  404  Not Found [IP: 127.0.0.1 18081]
E: Failed to fetch ${deb}  404  Not Found [IP: 127.0.0.1 18081]
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?
E: apt download failed: E: apt-get --yes dist-upgrade failed
I: main() received signal PIPE: waiting for setup...
I: removing tempdir /w/mmdebstrap.DVfblrcosB...
E: mmdebstrap failed to run`,
    "archive_unreachable",
    `cannot reach "${deb}": 404 Not Found`,
  ],
  [
    "a mirror that hangs up",
    `E: Failed to fetch ${deb}  Error reading from server - read (104: Connection reset by peer) [IP: 127.0.0.1 1]
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?`,
    "archive_unreachable",
    `cannot reach "${deb}": Error reading from server - read (104: Connection reset by peer)`,
  ],
  [
    "a name that cannot be resolved",
    "E: Failed to fetch http://nowhere/debian/dists/bookworm/InRelease  Could not resolve 'nowhere'\nE: Some index",
    "archive_unreachable",
    `cannot reach "http://nowhere/debian/dists/bookworm/InRelease": Could not resolve 'nowhere'`,
  ],
  [
    "a file that was changed on its way",
    `E: Failed to fetch ${deb}  Hash Sum mismatch
   Hashes of expected file:
    - SHA256:${hashes.index}
    - MD5Sum:e788a50043963ca0c8424988c63d0133 [weak]
   Hashes of received file:
    - SHA256:${hashes.file}
   Last modification reported: Mon, 23 Nov 2026 18:06:13 +0000
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?`,
    "archive_bad_hash",
    `"${deb}" has SHA-256 ${hashes.file}, expected ${hashes.index}`,
  ],
  [
    "a file of another size",
    `E: Failed to fetch ${deb}  File has unexpected size (140314 != 140364). Mirror sync in progress? [IP: 1.2.3.4 80]
   Hashes of expected file:
    - SHA256:${hashes.index}
E: Unable to fetch some archives, maybe run apt-get update or try with --fix-missing?`,
    "archive_malformed",
    `"${deb}" cannot be understood: it has 140314 bytes, expected 140364`,
  ],
  [
    "a release file that another key has signed",
    `W: GPG error: http://mirror/debian bookworm InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0E98404D386FA1D9
E: The repository 'http://mirror/debian bookworm InRelease' is not signed.`,
    "archive_bad_signature",
    `the signature of "http://mirror/debian" is not good: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 0E98404D386FA1D9`,
  ],
  [
    "a release file without a signature",
    "E: The repository 'http://mirror/debian bookworm Release' is not signed.",
    "archive_bad_signature",
    'the signature of "http://mirror/debian" is not good: it is not signed',
  ],
  [
    "a package that does not exist",
    "Reading package lists...\nE: Unable to locate package dockre.io\nE: setup failed: E: apt-get --yes install failed",
    "archive_package_missing",
    'the archive has no package "dockre.io" in bookworm',
  ],
  [
    "a package that cannot be had",
    "E: Package 'docker.io' has no installation candidate",
    "archive_package_missing",
    'the archive has no package "docker.io" in bookworm',
  ],
  [
    "a full disk, whatever follows from it",
    `dpkg: error processing archive /x.deb (--unpack):\n cannot copy extracted data: failed to write (No space left on device)
E: Failed to fetch ${deb}  Hash Sum mismatch`,
    "no_space",
    'no space left at "/w" while building image debian-bookworm',
  ],
  [
    "a disk that apt thinks is too small",
    "E: You don't have enough free space in /w/mmdebstrap.x/var/cache/apt/archives/.",
    "no_space",
    'no space left at "/w" while building image debian-bookworm',
  ],
  [
    "a host without fakechroot",
    "E: need working fakechroot binary",
    "tool_missing",
    'the program "fakechroot" was not found',
  ],
  [
    "a host without fakeroot",
    "/usr/bin/fakechroot: 151: exec: fakeroot: not found",
    "tool_missing",
    'the program "fakeroot" was not found',
  ],
  [
    "a package whose script fails",
    `dpkg: error processing package openssh-server (--configure):
 installed openssh-server package post-installation script subprocess returned error exit status 1
E: Sub-process env returned an error code (1)
E: setup failed: E: apt-get --yes install failed
E: mmdebstrap failed to run`,
    "image_build_failed",
    'building image "debian-bookworm" failed: dpkg: error processing package openssh-server (--configure):',
  ],
  [
    "what it has no word for",
    `env: unrecognized option '--path-exclude=/usr/share/doc/*'
E: setup failed: E: apt-get -o Dir::Bin::dpkg=env install failed
I: removing tempdir /w/mmdebstrap.OJ8cHoaTPk...
E: mmdebstrap failed to run`,
    "image_build_failed",
    `building image "debian-bookworm" failed: env: unrecognized option '--path-exclude=/usr/share/doc/*'`,
  ],
  ["silence", "", "image_build_failed", 'building image "debian-bookworm" failed: it said nothing'],
];

describe("explainFailure", () => {
  for (const [title, output, code, message] of cases) {
    test(`recognizes ${title}`, () => {
      const error = explain(output);
      assert.equal(error.code, code, error.message);
      assert.equal(error.message, message);
      assert.equal(error.cause, cause);
    });
  }

  test("always finds a word, and soon", () => {
    const words = cases.flatMap(([, output]) => output.split(" "));
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.constantFrom(...words), fc.string()), { maxLength: 60 }), (parts) => {
        assert.ok(explain(parts.join(" ")).message.length > 0);
      }),
      { numRuns: 300 },
    );
  });
});

function explain(output: string): BangerError {
  return explainFailure({ image: "debian-bookworm", suite: "bookworm", output, workspace: "/w", cause });
}
