import { strict as assert } from "node:assert";
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { diskFault } from "../lib/atomic.ts";
import { inspectDatabase } from "./inspect.ts";
import { applicationId, migrations as ourMigrations } from "./migrations.ts";
import { sqliteFault } from "./sqlite-fault.ts";

export type Row = Record<string, SQLOutputValue>;
export type Parameters = Record<string, SQLInputValue>;

const busyTimeout = 5000;

/** The one way to the state database. Every method throws no_space, directory_not_writable, busy or database_corrupt. */
export class Database implements Disposable {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #inTransaction = false;

  private constructor(path: string, connection: DatabaseSync) {
    this.path = path;
    this.#connection = connection;
  }

  /**
   * Opens the database, which nobody else may have open, and brings its schema up to date. A file that is missing is made. One
   * that is damaged, of another program or of a newer banger is refused and stays as it was to the byte.
   *
   * @throws database_newer, database_corrupt, directory_not_writable, no_space
   */
  static open(path: string, migrations: readonly string[] = ourMigrations): Database {
    const version = inspectDatabase(path, migrations.length);
    if (version === undefined) createDatabase(path, migrations);
    return Database.#attached(path, (database) => {
      if (version !== undefined) database.#migrate(version, migrations);
    });
  }

  /** The rows that a query yields. Parameters are named: `:id` in the text, `{ id }` here. */
  all(sql: string, parameters: Parameters = {}): Row[] {
    return this.#guard("reading the database", () => this.#prepare(sql).all(parameters));
  }

  get(sql: string, parameters: Parameters = {}): Row | undefined {
    return this.#guard("reading the database", () => this.#prepare(sql).get(parameters));
  }

  /** Returns how many rows changed. */
  run(sql: string, parameters: Parameters = {}): number {
    return this.#guard("writing the database", () => Number(this.#prepare(sql).run(parameters).changes));
  }

  /** All of `work` or nothing of it. It must not wait for anything: the transaction ends when it returns. */
  tx<T>(work: () => T): T {
    assert(!this.#inTransaction, "transactions do not nest");
    this.#exec("BEGIN IMMEDIATE");
    this.#inTransaction = true;
    try {
      const result = work();
      assert(!(result instanceof Promise), "a transaction cannot wait");
      this.#exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite has already rolled back after some errors, a full disk among them.
      if (this.#connection.isTransaction) this.#exec("ROLLBACK");
      throw error;
    } finally {
      this.#inTransaction = false;
    }
  }

  close(): void {
    if (this.#connection.isOpen) this.#connection.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal Makes a database at a path where there is none. */
  static build(path: string, migrations: readonly string[]): void {
    Database.#attached(path, (database) => {
      database.#exec(`PRAGMA application_id = ${applicationId}`);
      database.#migrate(0, migrations);
    }).close();
  }

  static #attached(path: string, prepare: (database: Database) => void): Database {
    let connection: DatabaseSync | undefined;
    try {
      connection = new DatabaseSync(path, { timeout: busyTimeout, enableForeignKeyConstraints: true });
      // The log makes a commit one sequential write. FULL flushes it each time: a machine whose row a power cut takes
      // back would be a disk that nothing knows of.
      connection.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
      const database = new Database(path, connection);
      prepare(database);
      return database;
    } catch (error) {
      if (connection?.isOpen) connection.close();
      throw sqliteFault(error, path, "opening the database");
    }
  }

  #migrate(from: number, migrations: readonly string[]): void {
    for (const [version, migration] of migrations.entries()) {
      if (version < from) continue;
      this.tx(() => {
        this.#exec(migration);
        this.#exec(`PRAGMA user_version = ${version + 1}`);
      });
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#connection.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  #exec(sql: string): void {
    this.#guard("writing the database", () => this.#connection.exec(sql));
  }

  #guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw sqliteFault(error, this.path, doing);
    }
  }
}

/** Built beside its place and renamed, so that a half-made database is never taken for a whole one. */
function createDatabase(path: string, migrations: readonly string[]): void {
  const directory = dirname(path);
  const staged = join(directory, `.${basename(path)}.new`);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    removeDatabase(staged);
    setAsideOrphanedLog(path);
    Database.build(staged, migrations);
    renameSync(staged, path);
    syncDirectory(directory);
  } catch (error) {
    throw diskFault(error, path, "making the database");
  } finally {
    removeDatabase(staged);
  }
}

/** The log of a database that somebody moved away: SQLite would write its pages into the new one. */
function setAsideOrphanedLog(path: string): void {
  rmSync(`${path}-shm`, { force: true });
  if (statSync(`${path}-wal`, { throwIfNoEntry: false })) renameSync(`${path}-wal`, `${path}-wal.orphaned`);
}

function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) rmSync(path + suffix, { force: true });
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
