import { z } from "zod";
import { fault } from "../lib/errors/error.ts";
import type { Database, Row } from "./database.ts";

/** A port of this host that always leads to a port of a machine. */
export interface Publication {
  /** Of the host. */
  readonly host: number;
  readonly guest: number;
}

/** What is kept of a machine's place in the network of this host. */
export interface NetworkRecord {
  /** A loopback address, unique among the machines. */
  readonly address: string;
  readonly publish: readonly Publication[];
}

const port = z.int().min(1).max(65_535);
const publishSchema = z.array(z.object({ host: port, guest: port }));

/** The network's part of the database. A machine's entry goes with the machine. */
export class NetworkRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  get(vm: string): NetworkRecord | undefined {
    const row = this.#database.get("SELECT * FROM vm_networks WHERE vm_id = :vm", { vm });
    return row && this.#parse(row);
  }

  /** By machine. */
  all(): Map<string, NetworkRecord> {
    const rows = this.#database.all("SELECT * FROM vm_networks");
    return new Map(rows.map((row) => [String(row.vm_id), this.#parse(row)]));
  }

  /** Also replaces. The machine's own record comes first. */
  set(vm: string, { address, publish }: NetworkRecord): void {
    this.#database.run(
      `INSERT INTO vm_networks (vm_id, address, publish) VALUES (:vm, :address, :publish)
       ON CONFLICT (vm_id) DO UPDATE SET address = :address, publish = :publish`,
      { vm, address, publish: JSON.stringify(publish) },
    );
  }

  #parse(row: Row): NetworkRecord {
    try {
      return {
        address: z.ipv4().parse(row.address),
        publish: publishSchema.parse(JSON.parse(String(row.publish))),
      };
    } catch (error) {
      const problem = `the network of machine ${String(row.vm_id)} cannot be read`;
      throw fault("database_corrupt", { path: this.#database.path, problem }, error);
    }
  }
}
