import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, test } from "node:test";
import fc from "fast-check";
import { isFault } from "../../src/lib/errors/error.ts";
import { run } from "../../src/lib/process.ts";
import { Database } from "../../src/store/database.ts";
import { inspectDatabase } from "../../src/store/inspect.ts";
import { applicationId, migrations } from "../../src/store/migrations.ts";

const root = join(import.meta.dirname, "../..");

describe("the state database", () => {
  let directory = "";
  let path = "";

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "banger-db-"));
    path = join(directory, "state.db");
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** A database whose last rows are only in its write-ahead log, as a killed daemon leaves it. */
  async function killedWriter(sql: string): Promise<void> {
    const script = `
      import { Database } from "${root}/src/store/database.ts";
      const database = Database.open(${JSON.stringify(path)});
      database.run(${JSON.stringify(sql)});
      process.kill(process.pid, "SIGKILL");`;
    await assert.rejects(run(process.execPath, ["--input-type=module", "-e", script], { cwd: root }));
    assert.deepEqual(readdirSync(directory).sort(), ["state.db", "state.db-shm", "state.db-wal"]);
  }

  test("is made with our mark and the newest schema, and leaves one file when it is closed", () => {
    const database = Database.open(path);
    assert.equal(database.get("PRAGMA application_id")?.application_id, applicationId);
    assert.equal(database.get("PRAGMA user_version")?.user_version, migrations.length);
    assert.equal(database.get("PRAGMA journal_mode")?.journal_mode, "wal");
    assert.equal(database.get("PRAGMA synchronous")?.synchronous, 2);
    assert.equal(database.get("PRAGMA foreign_keys")?.foreign_keys, 1);
    database.close();
    database.close();
    assert.deepEqual(readdirSync(directory), ["state.db"]);
  });

  test("makes the directory it belongs in", () => {
    path = join(directory, "a/b/state.db");
    Database.open(path).close();
    assert.deepEqual(readdirSync(join(directory, "a/b")), ["state.db"]);
  });

  test("keeps what was committed over a kill of its process", async () => {
    await killedWriter("CREATE TABLE t (a TEXT) STRICT");
    using database = Database.open(path);
    assert.deepEqual(database.all("SELECT * FROM t"), []);
  });

  test("rolls a transaction back when its work throws", () => {
    using database = Database.open(path, ["CREATE TABLE t (a INTEGER) STRICT"]);
    assert.throws(() =>
      database.tx(() => {
        database.run("INSERT INTO t VALUES (1)");
        assert.fail("on purpose");
      }),
    );
    assert.deepEqual(database.all("SELECT a FROM t"), []);
    assert.equal(
      database.tx(() => database.run("INSERT INTO t VALUES (:a)", { a: 2 })),
      1,
    );
    assert.deepEqual(database.get("SELECT a FROM t")?.a, 2);
  });

  test("refuses a transaction within another, and one that waits", () => {
    using database = Database.open(path);
    assert.throws(() => database.tx(() => database.tx(() => 1)), /transactions do not nest/);
    assert.throws(() => database.tx(() => Promise.resolve(1)), /a transaction cannot wait/);
    assert.equal(
      database.tx(() => 1),
      1,
    );
  });

  describe("migrations", () => {
    const first = "CREATE TABLE a (x TEXT) STRICT";
    const second = "ALTER TABLE a ADD COLUMN y TEXT; UPDATE a SET y = upper(x)";

    test("run once each, from the version that the file has", () => {
      let database = Database.open(path, [first]);
      database.run("INSERT INTO a VALUES ('m')");
      database.close();
      database = Database.open(path, [first, second]);
      assert.deepEqual({ ...database.get("SELECT * FROM a") }, { x: "m", y: "M" });
      assert.equal(database.get("PRAGMA user_version")?.user_version, 2);
      database.close();
      Database.open(path, [first, second]).close();
    });

    test("leave the version before the one that fails", () => {
      Database.open(path, [first]).close();
      const attempt = () => Database.open(path, [first, second, "CREATE TABLE b (z TEXT) STRICT; NONSENSE"]);
      assert.throws(
        attempt,
        (error) => isFault(error, "internal") && /the database refused: near "NONSENSE"/.test(error.message),
      );
      const database = Database.open(path, [first, second]);
      assert.equal(database.get("PRAGMA user_version")?.user_version, 2);
      assert.equal(database.get("SELECT 1 AS one FROM sqlite_master WHERE name = 'b'"), undefined);
      database.close();
    });

    test("that fail on a new database leave no file", () => {
      assert.throws(() => Database.open(path, ["NONSENSE"]));
      assert.deepEqual(readdirSync(directory), []);
    });
  });

  describe("a file that is refused", () => {
    function refused(code: "database_newer" | "database_corrupt" | "directory_not_writable"): string {
      const before = readFileSync(path);
      let message = "";
      assert.throws(
        () => Database.open(path),
        (error) => {
          message = error instanceof Error ? error.message : "";
          return isFault(error, code);
        },
      );
      assert.deepEqual(readFileSync(path), before);
      return message;
    }

    test("because it is newer stays as it was", () => {
      Database.open(path, [...migrations, "CREATE TABLE future (x TEXT) STRICT"]).close();
      assert.equal(
        refused("database_newer"),
        `the database "${path}" has schema ${migrations.length + 1}, this banger knows up to ${migrations.length}`,
      );
      assert.deepEqual(readdirSync(directory), ["state.db"]);
    });

    test("because its log says that it is newer keeps that log", async () => {
      await killedWriter(`PRAGMA user_version = ${migrations.length + 7}`);
      const log = readFileSync(`${path}-wal`);
      refused("database_newer");
      assert.deepEqual(readFileSync(`${path}-wal`), log);
    });

    test("because it is something else stays as it was", () => {
      for (const [content, problem] of [
        ["", "it is empty"],
        ["SQLite format 3", "it is not an SQLite database"],
        ["hello, world\n".repeat(1000), "it is not an SQLite database"],
        ["SQLite format 3\0", "file is not a database"],
      ]) {
        writeFileSync(path, content ?? "");
        assert.equal(refused("database_corrupt"), `the database "${path}" is damaged: ${problem}`);
        assert.deepEqual(readdirSync(directory), ["state.db"]);
      }
    });

    test("because another program's database is there stays as it was", () => {
      const other = new DatabaseSync(path);
      other.exec("CREATE TABLE t (a)");
      other.close();
      assert.equal(
        refused("database_corrupt"),
        `the database "${path}" is damaged: it belongs to another program`,
      );
      assert.deepEqual(readdirSync(directory), ["state.db"]);
    });

    test("because a directory has its name", () => {
      mkdirSync(path);
      assert.throws(() => Database.open(path), { code: "database_corrupt" });
      assert.deepEqual(readdirSync(path), []);
    });

    test("because it was cut off or overwritten anywhere stays as it was", () => {
      const database = Database.open(path, ["CREATE TABLE t (a TEXT PRIMARY KEY) STRICT"]);
      for (let i = 0; i < 400; i += 1) database.run("INSERT INTO t VALUES (:a)", { a: `${i}-`.repeat(20) });
      database.close();
      const whole = readFileSync(path);
      fc.assert(
        fc.property(fc.integer({ min: 1, max: whole.length - 1 }), (length) => {
          writeFileSync(path, whole.subarray(0, length));
          refused("database_corrupt");
          assert.deepEqual(readdirSync(directory), ["state.db"]);
        }),
        { numRuns: 25 },
      );
      const page = 4096;
      fc.assert(
        fc.property(fc.integer({ min: 1, max: whole.length / page - 1 }), (number) => {
          const damaged = Buffer.from(whole);
          damaged.fill(0xff, number * page, number * page + 64);
          writeFileSync(path, damaged);
          refused("database_corrupt");
          assert.deepEqual(readdirSync(directory), ["state.db"]);
        }),
        { numRuns: 10 },
      );
    });
  });

  test("has no version while there is no file, and looking makes none", () => {
    assert.equal(inspectDatabase(path, 1), undefined);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("does not take up the log of a database that was moved away", async () => {
    await killedWriter("CREATE TABLE old (a TEXT) STRICT");
    rmSync(path);
    const database = Database.open(path);
    assert.throws(() => database.all("SELECT * FROM old"));
    database.close();
    assert.deepEqual(readdirSync(directory).sort(), ["state.db", "state.db-wal.orphaned"]);
  });

  test("says no_space when the disk is full, and keeps what it had", () => {
    using database = Database.open(path, ["CREATE TABLE t (a TEXT) STRICT"]);
    database.run("INSERT INTO t VALUES ('kept')");
    database.get("PRAGMA max_page_count = 3");
    assert.throws(
      () => database.tx(() => database.run("INSERT INTO t VALUES (:a)", { a: "x".repeat(50_000) })),
      {
        code: "no_space",
        message: `no space left at "${path}" while writing the database`,
      },
    );
    assert.equal(database.get("SELECT a FROM t")?.a, "kept");
    database.run("INSERT INTO t VALUES ('again')");
  });

  test("says busy when another process holds it", () => {
    using database = Database.open(path);
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    database.get("PRAGMA busy_timeout = 10");
    assert.throws(() => database.tx(() => 1), {
      code: "busy",
      message: `the database ${path} is in use by another process`,
    });
    other.close();
  });

  test("says directory_not_writable for a directory that this user may only read", async () => {
    Database.open(path).close();
    chmodSync(path, 0o644);
    chmodSync(directory, 0o555);
    const fresh = join(directory, "fresh.db");
    for (const at of [path, fresh]) {
      const script = `
        import { Database } from "${root}/src/store/database.ts";
        if (process.getuid() === 0) { process.setgid(65534); process.setuid(65534); }
        try { Database.open(${JSON.stringify(at)}).run("DELETE FROM vms"); } catch (error) { console.log(error.code); }`;
      const result = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: "/" });
      assert.equal(result.stdout, "directory_not_writable\n");
    }
    chmodSync(directory, 0o755);
    assert.deepEqual(readdirSync(directory), ["state.db"]);
  });

  test("says directory_not_writable when a file is where its directory should be", () => {
    writeFileSync(join(directory, "file"), "");
    assert.throws(() => Database.open(join(directory, "file", "state.db")), {
      code: "directory_not_writable",
    });
  });
});
