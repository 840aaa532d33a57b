import { define, listed, show } from "../define.ts";

/** The machine that banger runs on: its tools, directories and resources. */
export const hostErrors = {
  internal: define<{ detail: string }>({
    status: 500,
    message: (p) => `internal error: ${p.detail}`,
    remedy: () => "This is a bug: please report it with the output of `banger daemon logs`",
    when: "Something happened that banger has no better word for.",
  }),
  host_packages_missing: define<{ packages: string[]; purpose: string; command: string }>({
    status: 503,
    message: (p) => `${p.purpose} needs host packages that are not installed: ${listed(p.packages)}`,
    remedy: (p) => `Install them: ${p.command}`,
    when: "A program that banger runs is not installed and cannot be installed without a password.",
  }),
  tool_missing: define<{ tool: string; package: string }>({
    status: 503,
    message: (p) => `the program ${show(p.tool)} was not found`,
    remedy: (p) => `Install it, for instance with \`sudo apt-get install ${p.package}\``,
    when: "A program that banger runs on the host is not on the PATH.",
  }),
  tool_failed: define<{ tool: string; status: string; stderr: string }>({
    message: (p) => `${p.tool} failed (${p.status})${p.stderr ? `: ${p.stderr}` : ""}`,
    remedy: () => "The text after the colon is the program's own; `banger doctor` checks the host",
    when: "A program that banger ran on the host ended with an error that has no code of its own.",
  }),
  timed_out: define<{ what: string; seconds: number }>({
    status: 504,
    message: (p) => `${p.what} took longer than ${p.seconds} s`,
    remedy: () => "Try again; if the host is busy, give it more time or stop other machines",
    when: "A wait reached its deadline.",
  }),
  no_space: define<{ path: string; doing: string }>({
    status: 507,
    message: (p) => `no space left at ${show(p.path)} while ${p.doing}`,
    remedy: () => "Free some space (`banger vm prune`, `banger image delete`) and run the command again",
    when: "The file system is full, or a quota is reached.",
  }),
  directory_not_writable: define<{ path: string; reason: string }>({
    status: 500,
    message: (p) => `the directory ${show(p.path)} cannot be written: ${p.reason}`,
    remedy: () => "Make it writable for this user, or point XDG_STATE_HOME or XDG_CACHE_HOME elsewhere",
    when: "The state, cache or runtime directory is read-only or belongs to somebody else.",
  }),
  file_unusable: define<{ path: string; reason: string }>({
    status: 400,
    message: (p) => `the file ${show(p.path)} cannot be used: ${p.reason}`,
    remedy: () => "Check the path, and that this user may use what is there",
    when: "A file that a command names does not exist, is not a file, or may not be read or written.",
  }),
  unsafe_directory: define<{ path: string; reason: string }>({
    status: 500,
    message: (p) => `refusing to use ${show(p.path)}: ${p.reason}`,
    remedy: (p) => `Remove ${p.path} and run the command again, or set XDG_RUNTIME_DIR`,
    when: "A runtime directory is a symbolic link, belongs to another user, or is open to others.",
  }),
  path_too_long: define<{ path: string; limit: number }>({
    status: 500,
    message: (p) => `the socket path ${show(p.path)} is longer than ${p.limit} bytes`,
    remedy: () => "Set XDG_RUNTIME_DIR to a shorter directory",
    when: "A unix socket address may not exceed 107 bytes (unix(7)).",
  }),
  busy: define<{ what: string; holder: string }>({
    status: 409,
    message: (p) => `${p.what} is in use by ${p.holder}`,
    remedy: () => "Wait until it is finished, or cancel it",
    when: "Two commands want to change the same thing at once.",
  }),
  unsupported_here: define<{ what: string; reason: string }>({
    status: 501,
    message: (p) => `${p.what} is not supported here: ${p.reason}`,
    remedy: () => "`banger doctor` shows what this host can do",
    when: "The host, the driver or the architecture lacks a feature that was asked for.",
  }),
};
