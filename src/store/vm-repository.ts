import { z } from "zod";
import { fault } from "../lib/errors/error.ts";
import {
  type VmOrigin,
  type VmSpec,
  type VmState,
  type VmTiming,
  vmOriginSchema,
  vmSpecSchema,
  vmStateSchema,
  vmTimingSchema,
} from "../model/vm.ts";
import type { Database, Parameters, Row } from "./database.ts";

/** What is kept of a machine. */
export interface VmRecord {
  /** 12 hexadecimal digits. */
  readonly id: string;
  readonly name: string;
  readonly state: VmState;
  /** Why it is stopped or in error, when that was not asked for. */
  readonly reason?: string | undefined;
  readonly image: { readonly id: string; readonly name: string };
  readonly kernel: string;
  readonly driver: string;
  readonly spec: VmSpec;
  /** What `set` changed while it ran. */
  readonly pending?: VmPending | undefined;
  /** Once it is made; `size` in bytes as the guest sees it. */
  readonly disk?: VmDisk | undefined;
  /** What finds the running process again; its shape is that of the driver's layer. */
  readonly runtime?: unknown;
  readonly timing?: VmTiming | undefined;
  /** Of its first start. */
  readonly origin?: VmOrigin | undefined;
  /** The guest has been given its identity and has booted once. */
  readonly provisioned: boolean;
  readonly ephemeral: boolean;
  /** ISO 8601. */
  readonly createdAt: string;
  readonly startedAt?: string | undefined;
}

export type VmPending = z.output<typeof pendingSchema>;

export interface VmDisk {
  readonly path: string;
  readonly format: "raw" | "qcow2";
  readonly size: number;
}

export type VmPatch = Partial<Omit<VmRecord, "id" | "name" | "createdAt">>;

const pendingSchema = vmSpecSchema.partial();

const json = <T>(schema: z.ZodType<T>) =>
  z
    .string()
    .transform((text, context) => {
      try {
        return JSON.parse(text) as unknown;
      } catch {
        context.addIssue("not JSON");
        return z.NEVER;
      }
    })
    .pipe(schema);

const bit = z.union([z.literal(0), z.literal(1)]).transform((value) => value === 1);

const diskSchema = z.object({ path: z.string(), format: z.enum(["raw", "qcow2"]), size: z.int() });

const rowSchema = z.object({
  id: z.string(),
  name: z.string(),
  state: vmStateSchema,
  reason: z.string().nullable(),
  image_id: z.string(),
  image_name: z.string(),
  kernel: z.string(),
  driver: z.string(),
  spec: json(vmSpecSchema),
  pending: json(pendingSchema).nullable(),
  disk: json(diskSchema).nullable(),
  runtime: json(z.unknown()).nullable(),
  timing: json(vmTimingSchema).nullable(),
  origin: json(vmOriginSchema).nullable(),
  provisioned: bit,
  ephemeral: bit,
  created_at: z.string(),
  started_at: z.string().nullable(),
});

/** The machines in the database. Every method throws what `Database` throws. */
export class VmRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Oldest first. */
  all(): VmRecord[] {
    return this.#many(this.#database.all("SELECT * FROM vms ORDER BY created_at, id"));
  }

  get(id: string): VmRecord | undefined {
    return this.#one(this.#database.get("SELECT * FROM vms WHERE id = :id", { id }));
  }

  byName(name: string): VmRecord | undefined {
    return this.#one(this.#database.get("SELECT * FROM vms WHERE name = :name", { name }));
  }

  byIdPrefix(prefix: string): VmRecord[] {
    return this.#many(
      this.#database.all("SELECT * FROM vms WHERE substr(id, 1, length(:prefix)) = :prefix ORDER BY name", {
        prefix,
      }),
    );
  }

  names(): string[] {
    return this.#database.all("SELECT name FROM vms ORDER BY name").map((row) => String(row.name));
  }

  namesByImage(id: string): string[] {
    const rows = this.#database.all("SELECT name FROM vms WHERE image_id = :id ORDER BY name", { id });
    return rows.map((row) => String(row.name));
  }

  namesByKernel(kernel: string): string[] {
    const rows = this.#database.all("SELECT name FROM vms WHERE kernel = :kernel ORDER BY name", { kernel });
    return rows.map((row) => String(row.name));
  }

  /** @throws vm_name_taken */
  insert(record: VmRecord): void {
    this.#database.tx(() => {
      if (this.byName(record.name)) throw fault("vm_name_taken", { name: record.name });
      const row = toRow(record);
      const columns = Object.keys(row);
      this.#database.run(
        `INSERT INTO vms (${columns.join(", ")}) VALUES (${columns.map((column) => `:${column}`).join(", ")})`,
        row,
      );
    });
  }

  /** Changes the given fields; a field that is `undefined` is cleared. Returns the record, undefined when it is gone. */
  update(id: string, patch: VmPatch): VmRecord | undefined {
    return this.#database.tx(() => {
      const present = this.get(id);
      if (!present) return undefined;
      const next: VmRecord = { ...present, ...patch };
      const row = toRow(next);
      const assignments = Object.keys(row).map((column) => `${column} = :${column}`);
      this.#database.run(`UPDATE vms SET ${assignments.join(", ")} WHERE id = :id`, row);
      return next;
    });
  }

  delete(id: string): boolean {
    return this.#database.run("DELETE FROM vms WHERE id = :id", { id }) === 1;
  }

  #many(rows: readonly Row[]): VmRecord[] {
    return rows.map((row) => this.#parse(row));
  }

  #one(row: Row | undefined): VmRecord | undefined {
    return row && this.#parse(row);
  }

  #parse(row: Row): VmRecord {
    const parsed = rowSchema.safeParse(row);
    if (parsed.success) return fromRow(parsed.data);
    const [issue] = parsed.error.issues;
    const problem = `machine ${row.id}: ${issue?.path.join(".")}: ${issue?.message}`;
    throw fault("database_corrupt", { path: this.#database.path, problem }, parsed.error);
  }
}

function fromRow(row: z.output<typeof rowSchema>): VmRecord {
  return {
    id: row.id,
    name: row.name,
    state: row.state,
    reason: row.reason ?? undefined,
    image: { id: row.image_id, name: row.image_name },
    kernel: row.kernel,
    driver: row.driver,
    spec: row.spec,
    pending: row.pending ?? undefined,
    disk: row.disk ?? undefined,
    runtime: row.runtime ?? undefined,
    timing: row.timing ?? undefined,
    origin: row.origin ?? undefined,
    provisioned: row.provisioned,
    ephemeral: row.ephemeral,
    createdAt: row.created_at,
    startedAt: row.started_at ?? undefined,
  };
}

function toRow(record: VmRecord): Parameters {
  return {
    id: record.id,
    name: record.name,
    state: record.state,
    reason: record.reason ?? null,
    image_id: record.image.id,
    image_name: record.image.name,
    kernel: record.kernel,
    driver: record.driver,
    spec: JSON.stringify(record.spec),
    pending: toJson(record.pending),
    disk: toJson(record.disk),
    runtime: toJson(record.runtime),
    timing: toJson(record.timing),
    origin: toJson(record.origin),
    provisioned: Number(record.provisioned),
    ephemeral: Number(record.ephemeral),
    created_at: record.createdAt,
    started_at: record.startedAt ?? null,
  };
}

function toJson(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
