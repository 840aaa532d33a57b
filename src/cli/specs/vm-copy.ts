import type { CommandSpec } from "../args/spec.ts";

export const vmCp = {
  path: ["vm", "cp"],
  aliases: ["copy"],
  summary: "Copy files into, out of and between machines",
  description:
    "A path in a machine is VM:/PATH. As with `cp -r`, a directory is copied whole, into DST if that is a directory, else as DST; " +
    "SRC/. is what is in SRC. Several sources need a DST that is a directory. Modes, times, links, holes and extended attributes " +
    "are kept. In a machine everything belongs to root unless you say otherwise, here to you.\n\n" +
    "- is standard input or output: the content of one file, or with --archive a tar archive. A file is replaced in one step, " +
    "and a copy that fails removes again what it has made.",
  examples: [
    { command: "banger vm cp ./app dev:/srv/", note: "a directory goes to /srv/app" },
    { command: "banger vm cp ./app/. dev:/srv", note: "what is in it goes into /srv" },
    { command: "banger vm cp dev:/var/log/dpkg.log -", note: "a file to standard output" },
    { command: "banger vm cp --archive dev:/etc - > etc.tar", note: "a directory as an archive" },
    { command: "banger vm cp dev:/etc/hosts other:/etc/hosts", note: "from machine to machine" },
  ],
  positionals: [
    { name: "SRC", help: "what to copy; may be repeated" },
    { name: "DST", help: "where it goes", repeated: true },
  ],
  flags: {
    owner: {
      kind: "string",
      short: "o",
      value: "USER[:GROUP]",
      help: "Owner in the machine, by name or number; default root",
    },
    archive: {
      kind: "boolean",
      short: "a",
      help: "Keep owners by number in machines; - is a tar archive",
    },
    mode: { kind: "string", short: "m", value: "MODE", help: "Mode of a file from standard input, as 0644" },
    "no-dereference": { kind: "boolean", short: "P", help: "Copy a link that is named as SRC as a link" },
    quiet: { kind: "boolean", short: "q", help: "Show no progress" },
  },
} as const satisfies CommandSpec;
