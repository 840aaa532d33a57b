/** A command as data: parsing, help, docs/commands.md and the handler's types all come from it. */
export interface CommandSpec {
  /** The words that name it: `["vm", "run"]`. */
  readonly path: readonly [string, ...string[]];
  /** Other last words for the same: `["rm"]`. */
  readonly aliases?: readonly string[];
  /** One line without a full stop, as the group's help lists it. */
  readonly summary: string;
  /** What it is for and what comes next; paragraphs. */
  readonly description?: string;
  readonly examples: readonly Example[];
  readonly positionals?: readonly Positional[];
  readonly passthrough?: Passthrough;
  readonly flags: Readonly<Record<string, Flag>>;
  readonly hidden?: boolean;
}

/** A word with commands below it. */
export interface GroupSpec {
  /** Empty for the program itself. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly examples: readonly Example[];
}

export interface Example {
  readonly command: string;
  readonly note: string;
}

export interface Positional {
  /** As help shows it: `NAME`. */
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  /** Takes all that are left; at least one unless optional. */
  readonly repeated?: boolean;
}

/** Words for a program in the guest, which arrive there byte for byte. */
export interface Passthrough {
  readonly name: string;
  readonly help: string;
  readonly required?: boolean;
  /** The first word after the positionals begins them, also without `--`. */
  readonly bare?: boolean;
}

export type FlagKind = "boolean" | "toggle" | "string" | "int" | "size" | "list";

export interface Flag {
  /** `toggle` is a boolean with a `--no-` form and no default of its own. */
  readonly kind: FlagKind;
  readonly short?: string;
  /** What stands for the value in help: `SIZE`. */
  readonly value?: string;
  readonly help: string;
  /** A key of the host's defaults that help shows. */
  readonly shows?: "image" | "vcpu" | "memory" | "disk";
  readonly hidden?: boolean;
}

interface FlagTypes {
  boolean: boolean;
  toggle: boolean | undefined;
  string: string | undefined;
  int: number | undefined;
  /** Bytes. */
  size: number | undefined;
  list: string[];
}

export type FlagValues<Flags extends CommandSpec["flags"]> = {
  -readonly [Name in keyof Flags]: FlagTypes[Flags[Name]["kind"]];
};

/** What a command line asks of a command. */
export interface Invocation<Spec extends CommandSpec = CommandSpec> {
  readonly flags: FlagValues<Spec["flags"]> & CommonFlags;
  readonly positionals: readonly string[];
  /** The words for the guest as text; their bytes come from `exactTail`. */
  readonly passthrough: readonly string[];
  /** The values of all flags that may be repeated, in the order in which they were given. */
  readonly order: readonly { readonly flag: keyof Spec["flags"] & string; readonly value: string }[];
}

export interface CommonFlags {
  json: boolean;
  help: boolean;
}

/** Every command has these. */
export const commonFlags = {
  json: { kind: "boolean", help: "Print JSON: the result on standard output, an error on standard error" },
  help: { kind: "boolean", short: "h", help: "Print this help" },
} as const satisfies Record<keyof CommonFlags, Flag>;
